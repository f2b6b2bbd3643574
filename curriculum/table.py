"""The rows of the lectures: what each shows, which specs express it, how our result is judged.

The lectures are L0 *Artificial Neural Networks* (Sejong), L1 *Artificial neural networks (2)* (data
analysis and machine learning, week 11), L2 *Artificial Neural Network* (Kookmin), L3 *Artificial
Neural Network, XOR by PyTorch* (Konkuk) and L4 *Deep Neural Networks*.
"""

from __future__ import annotations

from curriculum import images, layers, optimisers, perceptrons, series, small, xor, zoo
from curriculum.lesson import Lesson


def _own(*names: str) -> tuple[str, ...]:
    return tuple(f"curriculum/{name}" for name in names)


PERCEPTRONS = (
    Lesson(
        "L2-gates",
        "Gates by perceptrons",
        "AND, NAND and OR by one perceptron each, with a step and the weights given.",
        _own("and", "and_other_weights", "nand", "or"),
        "the truth table exactly, on every backend",
        perceptrons.gates,
    ),
    Lesson(
        "L2-xor-by-hand",
        "XOR by hand",
        "XOR is NAND and OR, then AND of the two; one layer can't do it.",
        _own("xor_by_hand", "xor_shallow"),
        "the truth table exactly, on every backend",
        perceptrons.xor_by_hand,
    ),
    Lesson(
        "L2-forward",
        "Forward propagation",
        "A = X·W + B and Z = h(A) in three layers; identity or softmax at the end.",
        _own("forward"),
        "equal to the arithmetic of matrices in NumPy, float64, within 1e-6",
        perceptrons.forward,
    ),
    Lesson(
        "L2-losses",
        "Losses, worked out",
        "SSE, MSE, RMSE and cross-entropies of small vectors; the pinball loss (L0) besides.",
        (),
        "the numbers on every backend that trains, to a relative 1e-6",
        perceptrons.losses,
    ),
    Lesson(
        "L2-descent",
        "Gradient descent in two dimensions",
        "On x1² + x2² the gradient at (3, 4) is (6, 8); rates are good, too small or too large.",
        _own("descent"),
        "every place of the path is (1 - 2·rate)^step · (3, 4), to a relative 1e-5",
        perceptrons.descent,
    ),
    Lesson(
        "L2-batching",
        "Batch, stochastic, mini-batch; learning rates",
        "The same spec with `batch = all`, `1`, `n`; step, exponential and cosine decay, warm-up.",
        _own("batching", "rate_step", "rate_exponential", "rate_cosine"),
        "the number of updates, and the rate of every last update of an epoch by the formula",
        optimisers.batching,
    ),
)
SMALL = (
    Lesson(
        "L3-xor",
        "XOR, learnt",
        "Dense 2-2-1, sigmoid, SGD with rate 1, 1001 epochs: from about 0.69 to about 0.05.",
        _own("xor"),
        "loss below 0.1 and accuracy 1.0 with the spec's seed; what other seeds do is told",
        xor.xor,
        tuple(range(10)),
    ),
    Lesson(
        "L3-shallow",
        "XOR without a hidden layer",
        "Stays at ln 2 = 0.693147; accuracy never 1.0.",
        _own("xor_shallow"),
        "ln 2 within 1e-6 after 1001 epochs",
        xor.shallow,
        (0, 1, 2),
    ),
    Lesson(
        "L3-wide",
        "XOR with ten hidden units",
        "2-10-1 reaches about 0.013 in 1000 epochs.",
        _own("xor_wide"),
        "loss below 0.02 and accuracy 1.0 with every seed tried",
        xor.wide,
        tuple(range(10)),
    ),
    Lesson(
        "L3-deep",
        "XOR with two hidden layers",
        "2-10-10-1 with sigmoid needs about 3000 epochs.",
        _own("xor_deep"),
        "the epoch in which the loss falls below 0.1 lies between 1000 and 4000",
        xor.deep,
        (0, 1, 2),
    ),
    Lesson(
        "L3-deeper",
        "XOR with eight sigmoid layers",
        "The gradient vanishes: 0.6931 for 10,000 epochs.",
        _own("xor_deeper"),
        "after its first 100 epochs the loss is ln 2 within 1e-4; gradient norms by layer",
        xor.deeper,
    ),
    Lesson(
        "L3-relu",
        "XOR with eight ReLU layers",
        "About 1e-4 in 3000 epochs.",
        _own("xor_relu", "xor_deeper"),
        "loss below 1e-3 and accuracy 1.0; gradient norms by layer beside those of sigmoid",
        xor.relu,
        (0, 1, 2),
    ),
    Lesson(
        "L3-dropout",
        "Dropout",
        "The same with Dropout(0.1) after every hidden layer, SGD 0.2: accuracy 1.0.",
        _own("xor_dropout"),
        "accuracy 1.0 in evaluation; two passes are equal there and differ in training. The "
        "spec bounds the norm of the gradient by 1, which the lecture does not: without it "
        "training runs away with some seeds",
        xor.dropout,
        tuple(range(10)),
    ),
    Lesson(
        "L3-regularisation",
        "L2 penalty, early stopping, dropout",
        "Three remedies for learning by heart.",
        _own("regularisation"),
        "the loss computed from outputs and weights; the epoch of the end; the weights kept",
        small.regularisation,
    ),
    Lesson(
        "L3-residual",
        "Residual connections",
        "A connection passes by a layer and is added further up.",
        _own("residual"),
        "four sums, and more than 93 % of the test digits right",
        small.residual,
    ),
    Lesson(
        "L1-gradients",
        "Exploding gradients, clipping",
        "Gradients that vanish or explode are seen layer by layer, and clipped by value or norm.",
        _own("exploding", "clipping"),
        "without clipping the loss stops being a number; with it the network learns",
        xor.exploding,
        (0, 1, 2),
    ),
    Lesson(
        "L4-regression",
        "Linear and logistic regression",
        "price = b0 + b1·size; the same with ReLU on top; logistic regression.",
        _own("regression", "regression_relu", "logistic"),
        "the coefficients of least squares within 1e-3; more than 95 % of the tumours right",
        small.regression,
    ),
    Lesson(
        "L4-counts",
        "Counting parameters",
        "Dense 6-9-4 has 103, Dense 8-9-9-9-4 has 301.",
        (),
        "exactly these",
        small.counts,
    ),
    Lesson(
        "L4-problems",
        "Problem, last activation, loss",
        "A table of which activation and loss belong to which problem.",
        _own(*(f"problem_{name}" for name in small.PROBLEMS)),
        "each spec is checked without a warning, and W106 says what does not fit",
        small.problems,
    ),
    Lesson(
        "L4-functional",
        "Several inputs and outputs, Inception",
        "Networks that are no chain, with weighted sums of losses.",
        _own("functional"),
        "the loss computed from both outputs; more than 90 % of the test digits right",
        small.functional,
    ),
)
LAYERS = (
    Lesson(
        "L1-optimisers",
        "SGD, momentum, AdaGrad, RMSProp, Adam",
        "Five rules of an update.",
        _own(*(f"optimiser_{name}" for name in ("momentum", "adagrad", "rmsprop", "adam"))),
        "20 updates beside the rule in NumPy, float64, within 2e-5",
        optimisers.optimisers,
    ),
    Lesson(
        "L0-losses",
        "A mean with its variance",
        "Gaussian likelihood with two heads.",
        _own("uncertainty"),
        "the made-up data are from a known mean and deviation: how near ours are on test examples",
        series.uncertainty,
    ),
    Lesson(
        "L0-quantiles",
        "Quantiles",
        "Pinball losses for the 0.1, 0.5 and 0.9 quantiles.",
        _own("quantiles"),
        "the share of 400 test examples below each, within 0.08",
        series.quantiles,
    ),
    Lesson(
        "L0-dense",
        "Dense with all of its options",
        "Units, activation, bias or none; initialisers; penalties on kernel, bias and result; "
        "constraints.",
        _own("dense"),
        "updates beside the reference in float64, within 1e-9",
        layers.dense,
    ),
    Lesson(
        "L0-norm",
        "Normalisations",
        "Batch, layer, instance and group normalisation.",
        _own("norms"),
        "updates beside the reference in float64, within 1e-9",
        layers.norms,
    ),
    Lesson(
        "L0-recurrent",
        "Recurrent layers and embeddings",
        "RNN, LSTM and GRU with their options, on embedded words.",
        _own("recurrent"),
        "updates beside the reference in float64, within 1e-9",
        layers.recurrent,
    ),
    Lesson(
        "L0-attention",
        "Attention and Transformer layers",
        "Self- and cross-attention, masks, encoder and decoder.",
        _own("transformer"),
        "updates beside the reference in float64, within 1e-9",
        layers.attention,
    ),
    Lesson(
        "L1-regularising",
        "Augmentation",
        "Images and series changed at random in training (series: see L0-forecast).",
        _own("augmented"),
        "what is drawn, and the test accuracy of 180 training digits with and without it",
        images.augmentation,
        (0, 1, 2),
    ),
)
MODELS = (
    Lesson(
        "L0-mnist",
        "The first network of many courses, and a CNN",
        "784-512-10 with ReLU, softmax and RMSprop, 5 epochs, batch 128; a CNN.",
        (*_own("digits_784", "digits_mlp"), "examples/digits_cnn"),
        "more than 90 % of the test digits right. These are scikit-learn's 1,797 real digits of "
        "8 by 8 pixels, for 784-512-10 enlarged to 28 by 28",
        images.digits,
    ),
    Lesson(
        "L0-sequential",
        "A sequential model",
        "Dense 2-3-1 with ReLU and sigmoid, SGD 0.01, 1000 epochs.",
        _own("sequential"),
        "it is trained as written; the lecture names no figure",
        images.sequential,
    ),
    Lesson(
        "L0-forecast",
        "Forecasting a series",
        "The multiple-output, the recursive and the direct approach, from one data block (the "
        "recursive one with a horizon of 1).",
        _own(*series.APPROACHES),
        'the error over six months of the last part, beside the rule "as a year ago"; beyond the '
        "end of the data beside what the series was made of, within four deviations of its noise",
        series.forecast,
    ),
    Lesson(
        "L2-zoo",
        "Auto-encoders",
        "Plain, denoising, sparse and variational auto-encoders.",
        _own("autoencoder", *(f"autoencoder_{name}" for name in images.KINDS)),
        "the error on test digits beside that of the mean image, and what each kind promises",
        images.autoencoders,
    ),
    Lesson(
        "L2-zoo-others",
        "More of the zoo",
        "A radial basis function network, an extreme learning machine, a deconvolutional network, "
        "a generative adversarial network.",
        _own("rbf", "extreme_learning", "deconvolution", "gan"),
        "test accuracy, the error beside that of the mean image, where made points lie",
        zoo.zoo,
    ),
)
SECTIONS: dict[str, tuple[Lesson, ...]] = {
    "Perceptrons and forward propagation": PERCEPTRONS,
    "Training small networks": SMALL,
    "Layers that train": LAYERS,
    "Whole models": MODELS,
}
LESSONS = tuple(lesson for lessons in SECTIONS.values() for lesson in lessons)
