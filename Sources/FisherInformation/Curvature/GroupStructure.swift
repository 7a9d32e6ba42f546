import NeuralNet
import Torch

/// A layer whose weight, and bias where it has one, are moved by one rule: a matrix [outputs, inputs (+ 1)] whose
/// last column is the bias.
public struct LayerBlock: Sendable {
    /// The layer.
    public let path: ParameterPath
    /// The position of the weight in the group.
    public let weight: Int
    /// The position of the bias in the group.
    public let bias: Int?
    /// The weight's shape, outputs first.
    public let weightShape: [Int]

    /// The number of rows.
    public var outputCount: Int { weightShape[0] }
    /// The number of columns, that of the bias included.
    public var inputCount: Int { weightShape.dropFirst().reduce(1, *) + (bias == nil ? 0 : 1) }

    /// The layer's matrix from one tensor per parameter of the group: gradients or updates.
    public func matrix(_ tensors: [Tensor]) -> Tensor {
        let weight = tensors[weight].reshaped([outputCount, -1])
        guard let bias else { return weight }
        return .concatenated([weight, tensors[bias].unsqueezed(1)], along: 1)
    }

    /// The parts of a matrix with the positions that they have in the group.
    public func parts(of matrix: Tensor) -> [(position: Int, tensor: Tensor)] {
        guard let bias else { return [(weight, matrix.reshaped(weightShape))] }
        let last = inputCount - 1
        return [
            (weight, matrix.narrowed(1, from: 0, length: last).reshaped(weightShape)),
            (bias, matrix.narrowed(1, from: last, length: 1).reshaped([outputCount])),
        ]
    }
}

/// How the parameters of a group belong to the layers of a model.
public struct GroupStructure: Sendable {
    /// The paths in the order of the group.
    public let paths: [ParameterPath]
    /// The shapes in that order.
    public let shapes: [[Int]]
    /// The layers that are linear in their parameters and share them with no other layer.
    public let layers: [LayerBlock]
    /// The positions that belong to no such layer.
    public let others: [Int]

    /// Finds the layers of a group; throws `splitLayer` if only one of a layer's weight and bias is in the
    /// group.
    init(of named: [NamedParameter], in clusters: [LayerCluster]) throws(CurvatureError) {
        paths = named.map(\.path)
        shapes = named.map(\.parameter.wrappedValue.shape)
        let positions = Dictionary(
            uniqueKeysWithValues: named.enumerated().map { (ObjectIdentifier($1.parameter), $0) })
        var found: [LayerBlock] = []
        for cluster in clusters where cluster.layers.count == 1 {
            let (path, module) = cluster.layers[0]
            guard let layer = module as? any KroneckerLayer, layer.hasKroneckerFactors else { continue }
            let parameters = layer.informativeParameters
            let own = parameters.compactMap { positions[ObjectIdentifier($0)] }
            if own.isEmpty { continue }
            if own.count < parameters.count {
                if parameters.allSatisfy(\.isTrainable) { throw .splitLayer(path) }
                continue
            }
            found.append(
                LayerBlock(
                    path: path, weight: own[0], bias: own.count > 1 ? own[1] : nil,
                    weightShape: parameters[0].wrappedValue.shape))
        }
        layers = found.sorted { $0.weight < $1.weight }
        let taken = Set(layers.flatMap { [$0.weight] + ($0.bias.map { [$0] } ?? []) })
        others = named.indices.filter { !taken.contains($0) }
    }
}
