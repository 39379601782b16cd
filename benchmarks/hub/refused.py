"""Models that are no decoders of images to text, of which one line says why."""

import transformers as hf
from folders import family


def configured(folder, kind):
    """Nothing but the configuration, by which the model is refused."""
    hf.AutoConfig.for_model(kind).save_pretrained(folder)


@family
def pix2struct(folder):
    configured(folder, "pix2struct")


@family
def udop(folder):
    configured(folder, "udop")


@family
def t5gemma2(folder):
    configured(folder, "t5gemma2")


@family
def vision_encoder_decoder(folder):
    parts = hf.ViTConfig(), hf.GPT2Config()
    hf.VisionEncoderDecoderConfig.from_encoder_decoder_configs(*parts).save_pretrained(folder)


@family
def pp_formulanet(folder):
    configured(folder, "pp_formulanet")


@family
def pi0(folder):
    configured(folder, "pi0")


@family
def evolla(folder):
    configured(folder, "evolla")


@family
def diffusion_gemma(folder):
    configured(folder, "diffusion_gemma")


@family
def instructblipvideo(folder):
    configured(folder, "instructblipvideo")


@family
def unlimited_ocr(folder):
    configured(folder, "unlimited_ocr")
