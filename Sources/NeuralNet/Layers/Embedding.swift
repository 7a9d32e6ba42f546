import Torch

/// A table of vectors, each looked up by its index.
public final class Embedding: UnaryLayer {
    /// The table of vectors, shape [entries, width].
    @Parameter public var weight: Tensor
    let site = CaptureSite()

    /// Draws the table, by default from N(0, 1).
    public init(
        _ entries: Int, _ width: Int, weight: Initializer = .normal(standardDeviation: 1),
        dtype: DType = .float32, using generator: RandomGenerator
    ) {
        _weight = Parameter(wrappedValue: weight([entries, width], dtype: dtype, using: generator))
    }

    /// A table that cannot be, for the reason given, which its vectors hold.
    init(failing complaint: String) {
        _weight = Parameter(wrappedValue: Tensor(failed: TorchError(message: complaint)))
    }

    /// The vectors [..., width] of int64 numbers [...].
    public func callAsFunction(_ numbers: Tensor) -> Tensor {
        site.record(input: numbers, output: weight.rows(numbers))
    }

    /// The logits x W^T of every entry, for a head that is tied to the table.
    public func scores(_ input: Tensor) -> Tensor {
        site.record(input: input, output: input.linear(weight: weight))
    }
}

/// The rows that a unit looked up receive its gradients; a tied head is a linear map with the same weight.
extension Embedding: InformativeLayer {
    public var informativeParameters: [Parameter] { [$weight] }

    public func sums(of use: LayerActivation) -> [(gradient: Tensor, squares: Tensor)?]? {
        guard !use.input.dtype.isFloatingPoint else {
            return weightSums(use.outputGradient, use.input).map { [$0.sums] }
        }
        let s = use.outputGradient
        guard s.failure == nil, s.rank > 1 else { return nil }
        let rows = s.reshaped([s.shape[0], -1, s.shape[s.rank - 1]])
        return UnitSums.lookups(use.input, rows, entries: weight.shape[0]).map { [$0] }
    }

    public func unitGradients(of use: LayerActivation) -> [Tensor?] {
        let gradient = use.outputGradient
        let units = gradient.shape[0]
        guard !use.input.dtype.isFloatingPoint else {
            let (a, s) = (use.input, gradient)
            let flat = { (x: Tensor) in x.rank == 2 ? x.unsqueezed(1) : x.flattened(from: 1, to: -2) }
            return [flat(s).transposed(1, 2).matmul(flat(a))]
        }
        let (entries, width) = (weight.shape[0], weight.shape[1])
        // One long table with a section for each unit.
        let first = Tensor((0..<units).map { Int64($0 * entries) }, shape: [units, 1]).to(
            device: weight.device)
        let places = (use.input.reshaped([units, -1]) + first).flattened()
        let table = Tensor.zeros([units * entries, width], dtype: gradient.dtype, device: weight.device)
        return [
            table.addingRows(gradient.reshaped([-1, width]), at: places).reshaped([units, entries, width])
        ]
    }

    public func unitProducts(of use: LayerActivation, with directions: [Tensor]) -> Tensor {
        let table = directions[0]
        let output = use.input.dtype.isFloatingPoint ? use.input.linear(weight: table) : table.rows(use.input)
        return (output * use.outputGradient).flattened(from: 1).sum(along: 1)
    }

    public func weightedSums(of use: LayerActivation, weights: Tensor) -> [Tensor?] {
        let s = use.outputGradient
        let shape = [s.shape[0]] + [Int](repeating: 1, count: s.rank - 1)
        let rows = (s * weights.reshaped(shape)).reshaped([-1, s.shape[s.rank - 1]])
        guard !use.input.dtype.isFloatingPoint else {
            return [rows.transposed(0, 1).matmul(use.input.reshaped([-1, weight.shape[1]]))]
        }
        let table = Tensor.zeros(like: weight.detached(), dtype: s.dtype)
        return [table.addingRows(rows, at: use.input.reshaped([-1]))]
    }
}

extension Embedding {
    /// The description of a layer in JSON: `{"embedding": [entries, width]}`.
    public struct Description: LayerDescription {
        public static let kind = "embedding"
        public static let shortForm = ["entries", "width"]
        public static var options: [LayerOption<Self>] {
            [.required("entries", \.entries, .size), .required("width", \.width, .size)]
        }
        var entries: Int
        var width: Int

        public init() { self.init(entries: 0, width: 0) }

        /// Describes a layer by its options.
        public init(entries: Int, width: Int) { (self.entries, self.width) = (entries, width) }

        public func check() throws(LayerDescriptionError) { try requireElements([entries, width]) }

        public func outputShape(for input: TracedShape) -> TracedShape { input.appending(width) }

        public var parameterShapes: [(name: String, shape: [Int])]? { [("weight", [entries, width])] }

        public func makeLayer(dtype: DType, using generator: RandomGenerator) -> any UnaryLayer {
            Embedding(entries, width, dtype: dtype, using: generator)
        }
    }
}
