import NeuralNet
import Torch

/// Where in a model the parameters lie that the data determine least.
public struct LeastInformed: Hashable, Sendable {
    /// One parameter tensor.
    public struct Row: Hashable, Sendable {
        /// Its path.
        public let path: ParameterPath
        /// The number of its elements.
        public let count: Int
        /// How many of them are among the least informed.
        public let least: Int
        /// The share of them along the first axis (outputs of a linear map, tokens of an embedding), cut into at
        /// most so many runs as was asked.
        public let cells: [Double]
    }

    /// The share of all elements that was asked for.
    public let share: Double
    /// The information at or below which an element counts; elements of equal information count together, so that
    /// more than the share may.
    public let threshold: Double
    /// The parameters in the order given.
    public let rows: [Row]

    /// Finds the least-informed elements of a diagonal.
    ///
    /// - Parameters:
    ///   - diagonal: the information by parameter, in the order of the model.
    ///   - share: of all elements.
    ///   - cells: the largest number of runs along the first axis.
    public init(
        in diagonal: [(path: ParameterPath, values: Tensor)], share: Double = 0.01, cells: Int = 96
    ) throws(TorchError) {
        precondition(share > 0 && share <= 1 && cells > 0 && !diagonal.isEmpty)
        self.share = share
        let all = Tensor.concatenated(diagonal.map { $0.values.detached().flattened() })
        try all.check()
        let wanted = max(1, Int((share * Double(all.count)).rounded()))
        let limit = all.gathering(all.indicesOfSmallest(wanted), along: 0).max()
        threshold = try limit.item()
        var rows: [Row] = []
        for (path, values) in diagonal {
            let flat = values.detached().reshaped([values.rank == 0 ? 1 : values.shape[0], -1])
            let isLeast = (flat - flat.minimum(limit)).equals(0)
            let counts = try isLeast.to(dtype: .float64).sum(along: 1).scalars(as: Double.self)
            let number = min(cells, counts.count)
            let shares = (0..<number).map { cell -> Double in
                let range = cell * counts.count / number..<(cell + 1) * counts.count / number
                return counts[range].reduce(0, +) / Double(range.count * flat.shape[1])
            }
            rows.append(
                Row(path: path, count: values.count, least: Int(counts.reduce(0, +)), cells: shares))
        }
        self.rows = rows
    }
}
