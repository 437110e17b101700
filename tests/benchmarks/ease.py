"""EASE, the linear item-item model that a matrix factorisation is compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import cho_factor, cho_solve

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix


def ease(matrix: csr_matrix[np.float32], ridge: float) -> NDArray[np.float32]:
    """Fit EASE in closed form (Steck 2019, "Embarrassingly shallow autoencoders").

    Parameters
    ----------
    matrix
        1 where a user did something with a video, shape (n_users, n_items).
    ridge
        λ, added to the diagonal of the item-item gram.

    Returns
    -------
    Weights, float32, shape (n_items, n_items), with a zero diagonal; scores are ``matrix @ B``.
    """
    gram = (matrix.T @ matrix).toarray().astype(np.float64)
    gram[np.diag_indices_from(gram)] += ridge
    inverse = cho_solve(cho_factor(gram, overwrite_a=True), np.eye(len(gram)), overwrite_b=True)
    weights = inverse / -np.diag(inverse)
    np.fill_diagonal(weights, 0)
    return np.asarray(weights, np.float32)
