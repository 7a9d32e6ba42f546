import Torch

/// A rule that keeps many tensors of a parameter's size, for which there must be memory.
protocol HistoryRule: OptimizationRule {
    /// The memory of its state in bytes; it may be beyond any memory.
    func stateByteCount(of parameters: [Tensor]) -> Double
}
