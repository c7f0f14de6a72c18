from sklearn.datasets import load_digits

from acceptance.data.standin import read_digits


def test_the_digits_are_scikit_learns() -> None:
    digits = load_digits()

    images, labels = read_digits()

    assert (images == digits.images).all()
    assert (labels == digits.target).all()
