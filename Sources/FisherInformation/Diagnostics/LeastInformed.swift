import NeuralNet
import Torch

/// The location of the parameters that the data determine least, and of those without any information.
public struct LeastInformed: Hashable, Sendable {
    /// One parameter tensor.
    public struct Row: Hashable, Sendable {
        /// Its path.
        public let path: ParameterPath
        /// The number of its elements.
        public let count: Int
        /// How many of them are among the least informed.
        public let least: Int
        /// How many have no information at all: a token that never occurs, a neuron that is always off.
        public let unreached: Int
        /// The share of the least informed along the first axis (outputs of a linear map, tokens of an
        /// embedding), divided into at most the requested number of cells.
        public let cells: [Double]
        /// The share of the unreached in the same runs.
        public let unreachedCells: [Double]
    }

    /// The requested share, of the elements that have information.
    public let share: Double
    /// The information at or below which an element counts; elements of equal information count together, so that
    /// more than the share may. 0 where no element has information.
    public let threshold: Double
    /// The parameters in the order given.
    public let rows: [Row]

    /// Finds the least-informed elements of a diagonal.
    ///
    /// - Parameters:
    ///   - diagonal: the information by parameter, in the order of the model.
    ///   - share: of the elements that have information.
    ///   - cells: the largest number of runs along the first axis.
    public init(
        in diagonal: [(path: ParameterPath, values: Tensor)], share: Double = 0.01, cells: Int = 96
    ) throws(TorchError) {
        precondition(share > 0 && share <= 1 && cells > 0 && !diagonal.isEmpty)
        self.share = share
        let all = Tensor.concatenated(diagonal.map { Self.raised($0.values).flattened() })
        let reached = all.count - Int(try all.isFinite().equals(0).to(dtype: .float64).sum().item())
        let wanted = reached == 0 ? 0 : max(1, Int((share * Double(reached)).rounded()))
        let limit =
            wanted > 0
            ? all.gathering(all.indicesOfSmallest(wanted), along: 0).max() : .zeros(like: all.max())
        threshold = try limit.item()
        rows = try diagonal.map { entry throws(TorchError) in
            try Row(entry.path, Self.raised(entry.values), limit: limit, cells: cells)
        }
    }

    /// The values with infinity for zero, so that the unreached are not the smallest.
    private static func raised(_ values: Tensor) -> Tensor {
        let values = values.detached()
        return values.masked(values.equals(0), with: .infinity)
    }
}

extension LeastInformed.Row {
    /// Counts the elements of a tensor up to a limit, and its infinite ones.
    fileprivate init(
        _ path: ParameterPath, _ values: Tensor, limit: Tensor, cells: Int
    ) throws(TorchError) {
        try values.check()
        let flat = values.reshaped([values.rank == 0 ? 1 : values.shape[0], -1])
        let width = flat.shape[1]
        func counts(_ marks: Tensor) throws(TorchError) -> [Double] {
            try marks.to(dtype: .float64).sum(along: 1).scalars(as: Double.self)
        }
        func runs(_ counts: [Double]) -> [Double] {
            let number = min(cells, counts.count)
            return (0..<number).map { cell in
                let range = cell * counts.count / number..<(cell + 1) * counts.count / number
                return counts[range].reduce(0, +) / Double(range.count * width)
            }
        }
        let least = try counts((flat - flat.minimum(limit)).equals(0))
        let unreached = try counts(flat.isFinite().equals(0))
        self.path = path
        count = values.count
        self.least = Int(least.reduce(0, +))
        self.unreached = Int(unreached.reduce(0, +))
        self.cells = runs(least)
        unreachedCells = runs(unreached)
    }
}
