"""Losses of sequences whose places are not known: labels in order, but not at which steps."""

from __future__ import annotations

from nnc.compiler.types import FLOATS, INTEGERS
from nnc.compiler.vocabulary.base import Count, Rejected
from nnc.compiler.vocabulary.fields import Field
from nnc.compiler.vocabulary.losses.base import Example, Reduced, Types, no_floats


class Ctc(Reduced):
    """mean over examples of -ln of the chance that the labels are read off the steps, repeated
    labels taken as one and blanks left out: connectionist temporal classification (Graves et al.
    2006). Prediction: [steps, classes], logits (or their log_softmax); target: [labels].

    The labels of an example are those before its first `blank`; what follows fills the target up.
    All steps count. 0, with no gradient, when the labels do not fit into the steps. The mean does
    not divide by the number of labels, as PyTorch's does.
    """

    word = "ctc"
    aliases = ("CTCLoss", "CTC", "ctc_loss")
    ends = ("identity", "log_softmax")
    values = "label"
    argument_aliases = {"mask_index": "blank"}
    blank: Count = Field(0, description="the class that says nothing, with which targets end")

    def check(self, types: Types) -> None:
        prediction, target = types
        if prediction.dtype not in FLOATS:
            raise no_floats(self, types)
        if prediction.rank != 2:
            raise Rejected(
                "E501",
                f"`ctc` needs a prediction of [steps, classes], not `{prediction}`",
                input=0,
                label=f"this is `{prediction}`",
            )
        if target.dtype not in INTEGERS or target.rank != 1:
            raise Rejected(
                "E501",
                f"`ctc` needs a target of labels, not `{target}`",
                input=1,
                label=f"this is `{target}`",
                help="declare it as `i64[S]`, each example filled up with the blank",
            )
        classes = prediction.shape[-1]
        if isinstance(classes, int) and self.blank >= classes:
            raise Rejected(
                "E203",
                f"`blank` of `ctc` must be a class, from 0 to {classes - 1}",
                argument="blank",
                label=f"there is no class {self.blank}",
            )

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            Example(cls(), ("f32[7, 4]", "i64[3]")),
            Example(cls(blank=2, reduction="sum"), ("f32[7, 3]", "i32[2]")),
        )
