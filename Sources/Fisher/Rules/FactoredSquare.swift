// A matrix of average squares kept as its row and column sums (Shazeer and Stern 2018).

import FisherInformation
import Torch

/// R <- b R + (1 - b) (g^2) 1 + addend, C likewise for columns, and f = R C / sum(R) in g's shape; nothing
/// for a gradient of rank less than two, which has no rows. Epsilon is added to every g^2, an addend to every
/// element of the average.
func factoredSquare(
    _ g: Tensor, decay: Double, addend: Double = 0, epsilon: Double = 0, state: inout TensorState
) -> Tensor? {
    guard g.failure == nil, g.rank >= 2 else { return nil }
    let squares = square(of: g, sharedBy: g.count)
    let matrix = (epsilon == 0 ? squares : squares + epsilon).flattened(from: 1)
    let (rows, columns) = (Double(matrix.shape[0]), Double(matrix.shape[1]))
    let rowSums = matrix.sum(along: 1)
    let columnSums = matrix.sum(along: 0)
    let r = averaged(state["rows"] ?? .ones(like: rowSums), rowSums, decay: decay) + addend * columns
    let c = averaged(state["columns"] ?? .ones(like: columnSums), columnSums, decay: decay) + addend * rows
    state["rows"] = r
    state["columns"] = c
    // Dividing first keeps the product of two small sums from vanishing.
    return (r.unsqueezed(1) * quotient(c, r.sum())).reshaped(g.shape)
}
