import Torch

/// Every unit's gradient of -log p, and its squared length in the space of the model's outputs.
public struct UnitGradients {
    /// [units, parameters], the parameters in the group's order.
    public private(set) var rows: Tensor
    /// |d(-log p_n) / d outputs|^2, [units].
    public private(set) var outputSquares: Tensor

    /// Gathers rows.
    init(rows: Tensor, outputSquares: Tensor) {
        self.rows = rows
        self.outputSquares = outputSquares
    }

    /// Appends further units.
    mutating func add(_ other: UnitGradients) {
        rows = .concatenated([rows, other.rows])
        outputSquares = .concatenated([outputSquares, other.outputSquares])
    }
}
