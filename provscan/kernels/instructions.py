"""Operations that numba does not compile to the best instructions by itself, written
directly as LLVM instructions.

*Vectors of bytes*: 32 or 64 bytes are compared at once, or 16 are widened to code
points. Numba vectorises neither a comparison whose result is a bit mask nor a copy of a
few bytes. *Prefetches* and the *number of trailing zeros* have no equivalent in numba.
*Arithmetic on uint32* has 32-bit results here, whereas numba widens them to 64 bits.

Without the JIT, the Python body of each function runs.
"""

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.extending import intrinsic

LANES, WIDE = 32, 16
# 64 fingerprints are searched for together. They are computed from 68 code points, and
# each is compared with the fingerprints at 28 consecutive places.
FINGERPRINTS, FINGERPRINTED, NEARBY = 64, 68, 28
_I8, _I32 = ir.IntType(8), ir.IntType(32)
_FINGERPRINTS = ir.VectorType(_I8, FINGERPRINTS)
_BYTES = ir.VectorType(_I8, LANES)
_NARROW = ir.VectorType(_I8, WIDE)
_CODES = ir.VectorType(_I32, WIDE)


def _compiled_to(code):
    """Compile calls of a function to the LLVM instructions that ``code`` generates."""

    def decorate(function):
        return function if config.DISABLE_JIT else intrinsic(code)

    return decorate


def _mask(flags):
    return np.uint64(sum(1 << int(i) for i in np.flatnonzero(flags)))


def _pointer(context, builder, array_type, array, index, vector):
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [index]), vector.as_pointer())


def _bits(builder, lanes):
    return builder.zext(builder.bitcast(lanes, _I32), ir.IntType(64))


def _equal_lanes_code(_context, values, start, value):
    def generate(context, builder, signature, arguments):
        pointer = _pointer(
            context, builder, signature.args[0], arguments[0], arguments[1], _BYTES
        )
        first = builder.insert_element(
            ir.Constant(_BYTES, ir.Undefined), arguments[2], _I32(0)
        )
        zeros = ir.Constant(ir.VectorType(_I32, LANES), [0] * LANES)
        everywhere = builder.shuffle_vector(
            first, ir.Constant(_BYTES, ir.Undefined), zeros
        )
        return _bits(
            builder,
            builder.icmp_unsigned("==", builder.load(pointer, align=1), everywhere),
        )

    return types.uint64(values, types.int64, types.uint8), generate


@_compiled_to(_equal_lanes_code)
def equal_lanes(values, start, value):
    """Return which of the 32 bytes from ``values[start]`` on equal ``value``: uint64,
    with the lowest bit for the first byte.
    """
    return _mask(values[start : start + LANES] == value)


def _high_lanes_code(_context, values, start):
    def generate(context, builder, signature, arguments):
        pointer = _pointer(
            context, builder, signature.args[0], arguments[0], arguments[1], _BYTES
        )
        lanes = builder.icmp_signed(
            "<", builder.load(pointer, align=1), ir.Constant(_BYTES, [0] * LANES)
        )
        return _bits(builder, lanes)

    return types.uint64(values, types.int64), generate


@_compiled_to(_high_lanes_code)
def high_lanes(values, start):
    """Return which of the 32 bytes from ``values[start]`` on are above 127: uint64,
    with the lowest bit for the first byte.
    """
    return _mask(values[start : start + LANES] > 127)


def _nearby_fingerprints_code(_context, known, begin, codes, first):
    def generate(context, builder, signature, arguments):
        width = signature.args[2].dtype.bitwidth
        chars = ir.VectorType(ir.IntType(width), FINGERPRINTS)

        def load(begin, offset, vector):
            pointer = builder.gep(begin, [ir.IntType(64)(offset)])
            return builder.load(
                builder.bitcast(pointer, vector.as_pointer()),
                align=vector.element.width // 8,
            )

        known_start = _pointer(
            context, builder, signature.args[0], arguments[0], arguments[1], _I8
        )
        codes_start = _pointer(
            context,
            builder,
            signature.args[2],
            arguments[2],
            arguments[3],
            chars.element,
        )
        wanted = ir.Constant(_FINGERPRINTS, [0] * FINGERPRINTS)
        for i in range(5):
            char = load(codes_start, i, chars)
            char = char if width == 8 else builder.trunc(char, _FINGERPRINTS)
            # A processor adds bytes in one step, but multiplies them in many.
            wanted = builder.add(builder.add(builder.add(wanted, wanted), wanted), char)
        # The minimum of the differences is 0 if the fingerprint occurs at any place. It
        # takes two instructions per place on any processor.
        least = ir.Constant(_FINGERPRINTS, [255] * FINGERPRINTS)
        for i in range(NEARBY):
            other = builder.xor(load(known_start, i, _FINGERPRINTS), wanted)
            least = builder.select(
                builder.icmp_unsigned("<", other, least), other, least
            )
        found = builder.icmp_unsigned(
            "==", least, ir.Constant(_FINGERPRINTS, [0] * FINGERPRINTS)
        )
        return builder.bitcast(found, ir.IntType(64))

    return types.uint64(known, types.int64, codes, types.int64), generate


@_compiled_to(_nearby_fingerprints_code)
def nearby_fingerprints(known, begin, codes, first):
    """Return which fingerprints of the 64 5-grams from ``codes[first]`` on occur
    nearby: uint64, with the lowest bit for the first.

    The i-th fingerprint is searched for in the 28 bytes from ``known[begin + i]`` on.
    ``codes`` is uint8 or uint32.
    """
    low = codes[first : first + FINGERPRINTED].astype(np.uint8)
    wanted = sum(
        low[i : i + FINGERPRINTS] * np.uint8(3 ** (4 - i)) for i in range(5)
    ).astype(np.uint8)
    near = np.lib.stride_tricks.sliding_window_view(
        known[begin : begin + FINGERPRINTS + NEARBY - 1], NEARBY
    )
    return _mask((near == wanted[:, None]).any(axis=1))


def _prefetch_code(_context, values, at):
    def generate(context, builder, signature, arguments):
        pointer = _pointer(
            context, builder, signature.args[0], arguments[0], arguments[1], _I8
        )
        kinds = [_I8.as_pointer(), _I32, _I32, _I32]
        function = builder.module.declare_intrinsic(
            "llvm.prefetch", [kinds[0]], ir.FunctionType(ir.VoidType(), kinds)
        )
        # The flags mean: for reading, into the nearest cache, data.
        builder.call(function, [pointer, _I32(0), _I32(3), _I32(1)])
        return context.get_dummy_value()

    return types.void(values, types.int64), generate


@_compiled_to(_prefetch_code)
def prefetch(values, at):
    """Prefetch an element that is needed soon. It is element ``at`` of the array in
    memory order; ``at`` may be out of bounds.
    """


def _widen_code(_context, values, start, out, at):
    def generate(context, builder, signature, arguments):
        source = _pointer(
            context, builder, signature.args[0], arguments[0], arguments[1], _NARROW
        )
        target = _pointer(
            context, builder, signature.args[2], arguments[2], arguments[3], _CODES
        )
        builder.store(
            builder.zext(builder.load(source, align=1), _CODES), target, align=4
        )
        return context.get_dummy_value()

    return types.void(values, types.int64, out, types.int64), generate


@_compiled_to(_widen_code)
def widen(values, start, out, at):
    """Copy 16 bytes from ``values[start]`` on to uint32 ``out[at:at + 16]``."""
    out[at : at + WIDE] = values[start : start + WIDE]


def _count_up_code(_context, first, out, at):
    def generate(context, builder, signature, arguments):
        target = _pointer(
            context, builder, signature.args[1], arguments[1], arguments[2], _CODES
        )
        begin = builder.trunc(arguments[0], _I32)
        lanes = builder.insert_element(
            ir.Constant(_CODES, ir.Undefined), begin, _I32(0)
        )
        zeros = ir.Constant(_CODES, [0] * WIDE)
        lanes = builder.shuffle_vector(lanes, ir.Constant(_CODES, ir.Undefined), zeros)
        builder.store(
            builder.add(lanes, ir.Constant(_CODES, list(range(WIDE)))), target, align=4
        )
        return context.get_dummy_value()

    return types.void(types.int64, out, types.int64), generate


@_compiled_to(_count_up_code)
def count_up(first, out, at):
    """Write the 16 numbers from ``first`` on to int32 ``out[at:at + 16]``."""
    out[at : at + WIDE] = np.arange(first, first + WIDE)


def _trailing_zeros_code(_context, bits):
    def generate(_context, builder, _signature, arguments):
        return builder.cttz(arguments[0], ir.IntType(1)(0))

    return types.int64(types.uint64), generate


@_compiled_to(_trailing_zeros_code)
def trailing_zeros(bits):
    """Return the number of trailing zero bits of a uint64; 64 if all are 0."""
    return np.int64((int(bits) & -int(bits)).bit_length() - 1 if bits else 64)


def _arithmetic(name):
    """Compile calls of a function of two ``uint32`` to LLVM's instruction ``name``.

    Numba widens arithmetic on ``uint32`` to 64 bits, and LLVM keeps a chain of
    operations at that width, which halves the number of lanes and requires several
    steps for a multiplication.
    """

    def code(_context, x, y):
        def generate(_context, builder, _signature, arguments):
            return getattr(builder, name)(*arguments)

        return types.uint32(types.uint32, types.uint32), generate

    return _compiled_to(code)


@_arithmetic("mul")
def mul32(x, y):
    return x * y


@_arithmetic("add")
def add32(x, y):
    return x + y


@_arithmetic("or_")
def or32(x, y):
    return x | y


@_arithmetic("xor")
def xor32(x, y):
    return x ^ y


@_arithmetic("shl")
def shl32(x, y):
    return x << y


@_arithmetic("lshr")
def shr32(x, y):
    return x >> y
