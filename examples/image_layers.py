"""Draws what every layer that changes images makes of a photo of a flower, each beside its name.

    pip install ".[examples]" pillow && python examples/image_layers.py

The photo comes with scikit-learn. Layers whose effect is random draw anew each time they are called in training; here
all have a seed. Printed is how many of them were drawn, all with numbers of colours from 0 to 255.
"""

from __future__ import annotations

import argparse
import textwrap
from pathlib import Path

import numpy as np
from sklearn.datasets import load_sample_image

import lamina
from lamina import layers

LAYERS = {
    "photo": layers.Identity(),
    "Resizing": layers.Resizing(20, 24, interpolation="nearest"),
    "CenterCrop": layers.CenterCrop(90, 120),
    "Cropping2D": layers.Cropping2D(((0, 60), (0, 80))),
    "ZeroPadding2D": layers.ZeroPadding2D(20),
    "UpSampling2D": layers.UpSampling2D(2, interpolation="bilinear"),
    "MaxPooling2D": layers.MaxPooling2D(6),
    "AdaptiveAveragePooling2D": layers.AdaptiveAveragePooling2D((16, 20)),
    "AutoContrast": layers.AutoContrast(),
    "Equalization": layers.Equalization(),
    "ContrastLimitedAdaptiveHistogramEqualization": layers.ContrastLimitedAdaptiveHistogramEqualization(),
    "RandomElasticTransform": layers.RandomElasticTransform(1.0, 1.0, seed=1),
    "RandomBrightness": layers.RandomBrightness((0.3, 0.3), seed=1),
    "RandomContrast": layers.RandomContrast(0.8, seed=5),
    "RandomSaturation": layers.RandomSaturation((0.9, 0.9), seed=1),
    "RandomHue": layers.RandomHue((0.3, 0.3), seed=1),
    "RandomColorJitter": layers.RandomColorJitter(
        brightness_factor=0.2, contrast_factor=0.5, saturation_factor=(0.2, 0.9), hue_factor=0.2, seed=1
    ),
    "RandomColorDegeneration": layers.RandomColorDegeneration((0.8, 0.8), seed=1),
    "RandomGrayscale": layers.RandomGrayscale(1.0, seed=1),
    "RandomInvert": layers.RandomInvert(seed=1),
    "RandomPosterization": layers.RandomPosterization(4, seed=1),
    "RandomSharpness": layers.RandomSharpness((1.0, 1.0), seed=1),
    "RandomGaussianBlur": layers.RandomGaussianBlur(1.0, 9, (1.0, 1.0), seed=1),
    "Solarization": layers.Solarization(0.0, (0.5, 0.5), seed=1),
    "RandomErasing": layers.RandomErasing(seed=1),
    "RandomFlip": layers.RandomFlip("vertical", seed=2),
    "RandomCrop": layers.RandomCrop(90, 120, seed=1),
    "RandomRotation": layers.RandomRotation((0.1, 0.1), seed=1),
    "RandomTranslation": layers.RandomTranslation((0.2, 0.2), (0.2, 0.2), "wrap", seed=1),
    "RandomZoom": layers.RandomZoom((-0.5, -0.5), seed=1),
    "RandomShear": layers.RandomShear(0.5, 0.0, fill_mode="constant", seed=1),
    "RandomPerspective": layers.RandomPerspective(1.0, 0.6, seed=2),
    "RandAugment": layers.RandAugment(seed=3),
    "AugMix": layers.AugMix(seed=1),
    "MixUp": layers.MixUp(5.0, seed=7),
    "CutMix": layers.CutMix(seed=7),
}


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--out", type=Path, default=Path("out"))
    options = p.parse_args()

    lamina.random.seed(0)
    photos = np.stack([load_sample_image(n)[:320:2, 80:480:2] for n in ("flower.jpg", "china.jpg")]).astype(np.float32)
    labels = np.eye(2, dtype=np.float32)
    pictures = {}
    for name, layer in LAYERS.items():
        if name in ("MixUp", "CutMix"):  # these mix two images, and their labels alike
            mixed = layer({"images": photos, "labels": labels}, training=True)
            parts = " + ".join(f"{part:.2f}" for part in np.asarray(mixed["labels"])[0])
            pictures[f"{name}: {parts}"] = np.asarray(mixed["images"])[0]
        else:
            pictures[name] = np.asarray(layer(photos, training=True))[0]
    pictures["rotated with its box"] = with_box(photos)
    draw(pictures, options.out / "image_layers.png")
    right = [float(p.min()) >= -0.5 and float(p.max()) <= 255.5 and p.shape[-1] == 3 for p in pictures.values()]
    print(f"pictures of colours from 0 to 255: {sum(right)} of {len(right)}")
    assert all(right), "expected colours from 0 to 255"


def with_box(photos: np.ndarray) -> np.ndarray:
    """A photo that is turned, and the frame of a box (left, top, right, bottom) that came along."""
    turn = layers.RandomRotation((0.1, 0.1), bounding_box_format="xyxy", seed=1)
    boxes = {"boxes": np.array([[[45, 42, 185, 160], [0, 0, 9, 9]]] * 2, np.float32), "labels": np.zeros((2, 2))}
    turned = turn({"images": photos, "bounding_boxes": boxes}, training=True)
    turned = layers.MaxNumBoundingBoxes(1, bounding_box_format="xyxy")(turned)
    picture = np.array(turned["images"])[0]
    left, top, right, bottom = np.asarray(turned["bounding_boxes"]["boxes"])[0, 0].astype(int)
    picture[top:bottom, [left, right - 1]] = picture[[top, bottom - 1], left:right] = 255
    return picture


def draw(pictures: dict[str, np.ndarray], path: Path) -> None:
    import matplotlib.pyplot as plt

    path.parent.mkdir(parents=True, exist_ok=True)
    figure, axes = plt.subplots(-(-len(pictures) // 7), 7, figsize=(14, 9), layout="constrained")
    for ax in axes.flat:
        ax.axis("off")
    for ax, (name, picture) in zip(axes.flat, pictures.items(), strict=False):
        ax.imshow(np.clip(picture / 255, 0, 1))
        ax.set_title(textwrap.fill(name, 28), fontsize=9)
    figure.savefig(path, dpi=80)
    print(f"drawn: {path}")


if __name__ == "__main__":
    main()
