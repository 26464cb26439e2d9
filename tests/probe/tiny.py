"""Make a tiny language model with random weights."""

from __future__ import annotations

from pathlib import Path

from sentences import sentence


def random_model(folder: Path) -> Path:
    """Write a model and its tokenizer to a folder, and return the folder."""
    import tokenizers
    import torch
    import transformers

    # A tiny model gains nothing from threads, which wait for each other on a busy
    # machine.
    torch.set_num_threads(1)
    bpe = tokenizers.Tokenizer(tokenizers.models.BPE())
    bpe.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=400, special_tokens=["<s>", "</s>"], show_progress=False,
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
    )  # fmt: skip
    bpe.train_from_iterator([sentence(n) for n in range(50)], trainer)
    bpe.post_processor = tokenizers.processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", 0)]
    )
    wrapped = transformers.PreTrainedTokenizerFast(
        tokenizer_object=bpe, bos_token="<s>", eos_token="</s>"
    )
    wrapped.save_pretrained(folder)
    torch.manual_seed(1)
    config = transformers.GPT2Config(
        vocab_size=len(wrapped),
        n_positions=96,
        n_embd=16,
        n_layer=1,
        n_head=2,
        bos_token_id=0,
        eos_token_id=1,
        initializer_range=0.5,
    )
    transformers.GPT2LMHeadModel(config).save_pretrained(folder)
    return folder
