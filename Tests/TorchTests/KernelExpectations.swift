import Testing
import Torch

/// Numbers of the normal distribution.
func normalNumbers(_ shape: [Int], _ dtype: DType, seed: UInt64) throws -> Tensor {
    .normal(shape, dtype: dtype, using: try RandomGenerator(seed: seed))
}

/// Expects a tensor to have the shape of another, and its numbers up to rounding in sums of some hundred terms.
func expectClose(_ found: Tensor, _ expected: Tensor, _ what: String) throws {
    let tolerance = found.dtype == .float64 ? 1e-13 : 1e-5
    let scale = try expected.magnitude().largest().item()
    let difference = (found.to(dtype: .float64) - expected).magnitude().largest()
    #expect(found.shape == expected.shape, "\(what)")
    #expect(try difference.item() <= tolerance * scale, "\(what)")
}
