import NeuralNet
import Torch

/// The whole matrix in blocks: one for each layer, or for layers that share a parameter, without what lies between.
public struct BlockInformation {
    /// The blocks, ordered by their first parameter.
    public private(set) var blocks: [FullInformation]

    /// Gathers blocks.
    public init(blocks: [FullInformation]) { self.blocks = blocks }

    /// Adds the sums of independent data; throws where the sources or parameters differ.
    public mutating func add(_ other: BlockInformation) throws(CurvatureError) {
        guard blocks.count == other.blocks.count else {
            throw .mismatched(reason: "they are of other sources or parameters")
        }
        for k in blocks.indices { try blocks[k].add(other.blocks[k]) }
    }
}
