import NeuralNet
import Torch

/// The order in which the elements of several tensors make one vector: tensor after tensor, each row-major.
public struct ParameterLayout: Sendable {
    /// The shapes in order.
    public let shapes: [[Int]]
    /// The number of elements.
    public var count: Int { shapes.reduce(0) { $0 + $1.reduce(1, *) } }

    /// The layout of tensors.
    public init(of tensors: [Tensor]) { shapes = tensors.map(\.shape) }

    /// One vector of tensors of these shapes.
    public func joined(_ tensors: [Tensor]) -> Tensor { .concatenated(tensors.map { $0.flattened() }) }

    /// The tensors of a vector.
    public func split(_ vector: Tensor) -> [Tensor] {
        var start = 0
        return shapes.map { shape in
            let count = shape.reduce(1, *)
            defer { start += count }
            return vector.narrowed(0, from: start, length: count).reshaped(shape)
        }
    }
}
