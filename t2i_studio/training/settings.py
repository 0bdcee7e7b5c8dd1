"""Everything that decides a fine-tune. Loads no torch: command line and pages ask it for names and ranges."""

from __future__ import annotations

from pydantic import Field

from ..config import MAX_SEED, PRACTICE_MODEL, Settings

OWN_PICTURES = "emoji-own-pictures"
"""emoji-unet-early's own, those of many that show what was asked for: it ships."""
IN_LORA = "t2i_studio.settings"
"""Header key of a LoRA's file: the settings it was taught with, JSON."""
GROUPS: dict[str, tuple[str, tuple[str, ...]]] = {
    "Learning": (
        "rates, batch, schedule",
        ("train_batch_size", "gradient_accumulation_steps", "learning_rate", "text_encoder_lr", "lr_scheduler",
         "lr_warmup_steps", "adam_weight_decay", "max_grad_norm", "use_ema", "reward_weights", "caption_dropout"),
    ),
    "What learns": ("rank, text encoder, all weights", ("rank", "train_text_encoder", "full_finetune")),
    "Attention": (
        "CTCal's terms and their weights",
        ("ctcal", "tokens", "sites", "semantic", "response", "adaptive", "semantic_trains_encoder",
         "teacher", "teacher_cap", "pixel_share", "semantic_share", "response_share", "pixel_weight", "semantic_weight",
         "reconstruction_weight", "response_weight", "calibration_batches"),
    ),
    "Samples": (
        "pictures on the way, checkpoints",
        ("validation_prompts", "validation_steps", "checkpointing_steps", "checkpoints_total_limit"),
    ),
    "Machine": (
        "size, device, memory",
        ("resolution", "device", "mixed_precision", "gradient_checkpointing", "language", "report_to"),
    ),
}  # fmt: skip
"""Title → (one-line info, names): how the settings stand on a page, those always in sight left out."""


class TrainSettings(Settings):
    """One fine-tune. Flags and YAML files use these names; they follow diffusers' training scripts."""

    model: str = Field(PRACTICE_MODEL, min_length=1, description="The model that learns: a name, folder or hub id.")
    data: str = Field(
        OWN_PICTURES, min_length=1,
        description=f"A folder of captioned pictures; {OWN_PICTURES}, what emoji-unet-early painted best; or scenes:N, "
        "N rendered scenes of the embedded world.",
    )  # fmt: skip
    output_dir: str = Field(
        "", description="Folder for what was learnt, checkpoints and log; empty: one in the studio's own."
    )
    seed: int = Field(0, ge=0, le=MAX_SEED, description="Start of new weights, order, noise and timesteps.")
    language: str = Field("en", pattern="^[a-z]{2,3}(-[a-z]+)?$", description="Language of the captions (Stanza code).")
    resolution: int = Field(0, ge=0, le=2048, description="Pixels a side; 0: the model's own.")
    device: str = Field("auto", description="auto, cpu, cuda, cuda:1, mps.")

    max_train_steps: int = Field(200, ge=1, le=1_000_000, description="Optimizer steps.")
    train_batch_size: int = Field(4, ge=1, le=512, description="Pictures a step and process.")
    gradient_accumulation_steps: int = Field(1, ge=1, le=512, description="Batches gathered into one step.")
    learning_rate: float = Field(1e-4, gt=0, le=1, allow_inf_nan=False, description="Of what learns in the denoiser.")
    text_encoder_lr: float = Field(
        5e-6, ge=0, le=1, allow_inf_nan=False, description="Of what learns in the text encoders."
    )
    lr_scheduler: str = Field("constant", pattern="^(constant|cosine)$", description="constant or cosine, to 0.")
    lr_warmup_steps: int = Field(0, ge=0, le=100_000, description="Steps over which the learning rate rises from 0.")
    adam_weight_decay: float = Field(0.01, ge=0, le=10, allow_inf_nan=False, description="Of AdamW.")
    max_grad_norm: float = Field(1.0, gt=0, le=1e6, allow_inf_nan=False, description="Longer gradients are shortened.")
    mixed_precision: str = Field("no", pattern="^(no|fp16|bf16)$", description="Number format of the frozen weights.")
    gradient_checkpointing: bool = Field(False, description="Less memory for more time.")
    use_ema: bool = Field(False, description="Keep a running mean of what learns, and give that out.")

    rank: int = Field(4, ge=1, le=1024, description="Rank of the LoRA; its alpha is the same.")
    train_text_encoder: bool = Field(
        True, description="Whether the text encoders learn too; of a LoRA, their self-attention."
    )
    full_finetune: bool = Field(
        False, description="All weights learn instead of a LoRA: much memory, and a whole model comes out."
    )

    ctcal: bool = Field(True, description="Whether attention is taught; without, this is a plain LoRA fine-tune.")
    tokens: str = Field(
        "nouns", pattern="^(nouns|nouns and adjectives|all)$", description="Words whose maps are compared."
    )
    sites: str = Field(
        "", description="Layers whose maps are compared, separated by commas, all of one size; empty: the family's own."
    )
    semantic: bool = Field(True, description="Compare maps in the space of the autoencoder too.")
    response: bool = Field(True, description="Lift subjects whose peak is far below the strongest one's.")
    adaptive: bool = Field(True, description="Weigh by the student's noise, λ_t = t_stu / T.")
    semantic_trains_encoder: bool = Field(True, description="Whether the semantic term moves the autoencoder too.")
    teacher: str = Field(
        "auto", pattern=r"^(auto|random|\d+(\.\d+)?)$",
        description="Teacher's timestep: a number, random (below the student's), or auto (0; SD 3: below the cap).",
    )  # fmt: skip
    teacher_cap: float = Field(0.3, gt=0, le=1, description="With SD 3: the most noise of a teacher, share of all.")
    pixel_weight: float | None = Field(None, ge=0, description="λ1; empty: by its share below.")
    semantic_weight: float | None = Field(None, ge=0, description="λ2; empty: by its share below.")
    reconstruction_weight: float = Field(1.0, ge=0, description="λ3: moves the autoencoder alone.")
    response_weight: float | None = Field(None, ge=0, description="λ4; empty: by its share below.")
    pixel_share: float = Field(0.2, ge=0, le=10, description="Gradient against the diffusion loss's, at λ_t = 1.")
    semantic_share: float = Field(0.2, ge=0, le=10, description="Gradient against the diffusion loss's, at λ_t = 1.")
    response_share: float = Field(0.05, ge=0, le=10, description="Gradient against the diffusion loss's, at λ_t = 1.")
    calibration_batches: int = Field(4, ge=1, le=64, description="Batches over which the shares are measured.")
    caption_dropout: float = Field(
        0.0, ge=0, lt=1, allow_inf_nan=False,
        description="Share of captions left empty, for what guidance compares with learns too.",
    )  # fmt: skip
    reward_weights: bool = Field(False, description="Weigh each picture's loss by its reward (GORS).")

    checkpointing_steps: int = Field(100, ge=1, le=1_000_000, description="Steps between checkpoints.")
    checkpoints_total_limit: int = Field(2, ge=1, le=100, description="Checkpoints that are kept.")
    resume_from_checkpoint: str = Field("", description="latest, or a checkpoint's folder.")
    validation_prompts: tuple[str, ...] = Field((), description="Painted every so many steps, with fixed seeds.")
    validation_steps: int = Field(50, ge=1, le=1_000_000, description="Steps between these samples.")
    report_to: str = Field("none", pattern="^(none|tensorboard)$", description="A tracker beside our own log.")

    @property
    def terms(self) -> tuple[str, ...]:
        """Names of the terms that are worked out beside the diffusion loss."""
        if not self.ctcal:
            return ()
        coded = ("semantic", "reconstruction") if self.semantic else ()
        return ("pixel", *coded, *(("response",) if self.response else ()))
