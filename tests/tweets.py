"""Make tweets in many scripts, and edited copies of them. The same random numbers give
the same texts.
"""

LETTERS = {
    "latin": "etaoinshrdlucmfwypvbgkjqxz",
    "greek": "αβγδεζηθικλμνξοπρστυφχψω",
    "cyrillic": "абвгдежзиклмнопрстуфхцчшщыэюя",
    "arabic": "ابتثجحخدذرزسشصضطظعغفقكلمنهوي",
    "hindi": "क खा गि घी चु छू जे झै टो ठौ डा ढि णी तु था दे नी पो बा मि".split(),  # noqa: SIM905
    "thai": "กา ขี คู งะ จำ ชิ ซ้ ดี ตุ ทำ นี บา ปู พิ มา ยี รุ ลา วิ สี".split(),  # noqa: SIM905
    "japanese": "のにはをたがでてとしれさあるいもなおよひこくまつけみそ日本人大年会国出学生社事者時間新東京",  # noqa: E501
    "chinese": "的一是不了人我在有他这为之大来以个中上们到说国和地也子时道出而要于就下得可你年生自会那后能对着事",  # noqa: E501
    "korean": "가나다라마바사아자차카타파하거너더러머버서어저처커터퍼허고노도로모보소오",  # noqa: E501
    "emoji": "etaoinshrdlucmfwypvbgkjqxzetaoinshrdlu😀😂🥰🙂🤔",
}
SPACED = {"latin", "greek", "cyrillic", "arabic", "hindi", "korean"}
SCRIPTS = sorted(LETTERS)


def sentence(rng, script, letters):
    """Return ``letters`` random letters of a script, with spaces if the script uses
    them.
    """
    alphabet, spaced, parts, word = LETTERS[script], script in SPACED, [], 0
    # Draw as `rng.choice` does, which takes twice as long.
    size, chance, draw = len(alphabet), rng.random, rng.getrandbits
    bits = size.bit_length()
    for _ in range(letters):
        if spaced and word > 2 and chance() < 0.25:
            parts.append(" ")
            word = 0
        while (place := draw(bits)) >= size:
            pass
        parts.append(alphabet[place])
        word += 1
    return "".join(parts)


def edited(rng, text, share):
    """Return a text after about ``share`` of its characters have been replaced, dropped
    or doubled.
    """
    result = []
    for char in text:
        if rng.random() >= share:
            result.append(char)
            continue
        match rng.randrange(3):
            case 0:
                result.append(rng.choice(text))
            case 1:
                result.append(char * 2)
    return "".join(result)
