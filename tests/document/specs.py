"""Specs for the tests of the JSON form: those of the repository, and small difficult ones."""

from __future__ import annotations

from pathlib import Path

import nnc
from nnc.compiler.ir import Program

ROOT = Path(__file__).resolve().parents[2]

DIFFICULT = {
    "an output hides the value of another": """
        model M { input x: f32[2]
          a = x -> Dense(2) as p
          b = a -> Dense(2) as q
          output p = b  output q = a  output x = b }""",
    "paths that begin with a number": """
        model M { input x: f32[2]
          output y = x -> Dense(3) as 0 -> relu as 1 -> for i in 0..2 { Dense(3) } as 2
            -> (Dense(2) as 5 -> relu) as 7 }""",
    "several results of a layer that is a number": """
        model M { input x: f32[T, 2]
          a, b, c = x -> LSTM(3, return_state=true) as 0
          output y = a  output z = b }""",
    "values with the names of options and words": """
        model M { input same: f32[3, 8, 8]  input relu: f32[3, 8, 8]
          output y = same + relu -> Conv2D(4, 3, padding="same") as valid
            -> Conv2D(4, [3, 1], padding=[[0, 1], 2]) }""",
    "two layouts": """
        model M { layout channels_last
          input x: f32[8, 8, 3]
          output y = x -> Conv2D(4, 3, layout=channels_last) -> BatchNorm -> MaxPool2D(2)
            -> Conv2D(5, 2, layout=channels_first) }""",
    "numbers in arithmetic, ranks that differ": """
        model M { input x: f32[T, 3]  input b: f32[3]
          output y = 2 * x + b ** -0.5 - 1 / -x }""",
    "literal weights": """
        model M { input x: f32[2]
          output y = x -> Dense(1, weight=[[0.5, -1]], bias=[-0.7], weight_init=normal(std=0.1),
            regularize=l1(0.1), activation=leaky_relu(0.2)) }""",
    "every section": """
        param lr = 0.1
        param keep = true
        param name = "a\\nb"
        data { source = csv("a\\"b.csv", header=false)
          x = columns(0, 1) -> standardize -> scale(-2.0)
          t = column("é") -> category
          split = shares(test=0.2) }
        model M { input x: f32[2]  output y = x -> Dense(2) }
        train { target t: i64
          loss = -0.5 * cross_entropy(y, t, from_logits=true) + 0.5 * l2(0.1) + l1(0.2)
          optimizer = sgd(lr)  batch = all  seed = 7  log_every = 3
          metrics = [accuracy(y, t)]  stop = early(monitor="val_accuracy")
          schedule = step(10, 0.5)  clip = value(2) }
        search { lr = log_uniform(1e-4, 1)  keep = choice(true, false)  name = choice("a", "b")
          trials = 3  maximize = val_accuracy  method = grid }""",
    "windows and augmentation": """
        data { x, y = series("load.csv", column=["mw", 2]) -> standardize -> window(4, 2, target=1)
          split = in_order(validation=0.1) }
        model M { input x: f32[4, 2]  output p = x -> Flatten -> Dense(2) }
        train { target y: f32[2]  loss = mse(p, y)  optimizer = sgd(0.1)
          augment = [jitter(x, 0.1), scale(x, std=0.2)]  checkpoint = every(5, keep=2) }""",
    "images": """
        data { source = folder("photos")
          image = files("*.png", channels=1) -> resize(8, 6) -> crop(6, 6) -> scale(1 / 255)
          kind = column("class") -> category
          split = shares(test=0.2, stratify=true) }
        model M { input image: f32[1, 6, 6]  output p = image -> Flatten -> Dense(2) }
        train { target kind: i64  loss = cross_entropy(p, kind)  optimizer = sgd(0.1)
          augment = [flip(image, vertical=true), crop(image, 2), rotate(image, 10.5)] }""",
    "texts and holes": """
        data { source = parquet("d.parquet")
          text = column("text") -> tokens(length=20, vocabulary=1000, lower=false)
          size = columns("size_*", 3) -> impute(constant, value=-1) -> minmax
          kind = column("kind") -> impute(most_frequent) -> one_hot
          split = by_time("day", test=0.2) }
        model M { input text: i64[20]  input size: f32[2]
          output p = (text -> Embedding(1000, 4) -> Flatten, size) -> Concat -> Dense(3) }
        train { target kind: f32[3]  loss = mse(p, kind)  optimizer = sgd(0.1) }""",
    "names in other scripts": """
        model Réseau { input größe: f32[2]
          output y = größe -> Dense(1) as 层 -> relu as 层_2 }""",
    "values with the names of statements": """
        model M { input input: f32[2]  input data: f32[2]
          layer_ = input -> Dense(2) as layer
          (data) -> relu as output
          output model = layer_ + output -> Dense(3) as target -> relu as param -> tanh as assert
          output search = input * data -> Dense(1) as train }""",
    "shared layers": """
        model M { input a: f32[2]  input b: f32[2]
          layer tower = Dense(3) -> relu  layer last = Dense(3)
          output y = (a -> tower -> last) + (b -> tower -> last) }""",
}


def programs() -> dict[str, Program]:
    """Every program by the name of its spec."""
    texts = {path.stem: path.read_text("utf-8") for path in sorted(ROOT.glob("specs/*/*.nn"))}
    return {name: program(text) for name, text in (texts | DIFFICULT).items()}


def program(text: str, name: str = "spec.nn") -> Program:
    """The program of a spec that has no mistake."""
    made, found = nnc.compile_text(text, name)
    assert made is not None, [(d.code, d.message) for d in found]
    return made
