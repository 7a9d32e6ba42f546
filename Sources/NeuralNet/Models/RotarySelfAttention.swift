import Foundation
import Torch

/// The rotations of queries and keys by their positions (Su et al. 2021), for heads of one width.
///
/// Element k of the first half of a head and element k of its second half are turned by the angle t / 10000^(2k / width)
/// at position t, so that the product of a query and a key depends on the distance of their positions only.
struct RotaryPositions {
    private let cosines: Tensor
    private let sines: Tensor

    /// The tables for positions 0 ..< count and heads of an even width, computed in double.
    init(count: Int, width: Int, dtype: DType, device: Device) {
        let half = width / 2
        let angles = (0..<count).flatMap { t in
            (0..<half).map { k in Double(t) * pow(10_000, -2 * Double(k) / Double(width)) }
        }
        func table(_ values: [Double]) -> Tensor {
            Tensor(values, shape: [count, half]).to(dtype: dtype, device: device)
        }
        cosines = table(angles.map { cos($0) })
        sines = table(angles.map { sin($0) })
    }

    /// The turned heads, of their shape [..., positions, width].
    func turning(_ heads: Tensor) -> Tensor {
        let halves = heads.split(into: 2, along: -1)
        return .concatenated(
            [halves[0] * cosines - halves[1] * sines, halves[1] * cosines + halves[0] * sines], along: -1)
    }
}

/// Multi-head self-attention in both directions whose queries and keys are turned by their positions (Vaswani et al. 2017,
/// Su et al. 2021).
public final class RotarySelfAttention: UnaryLayer {
    /// The map to queries, keys and values, stacked in this order along its outputs; heads lie next to each
    /// other within each.
    public let queryKeyValue: Linear
    /// The map of the joined heads back to the width.
    public let output: Linear
    /// The number of heads.
    public let heads: Int

    /// Draws the layer; `heads` must divide `width` into even parts, or the output is a failed tensor that says so.
    public init(_ width: Int, heads: Int, dtype: DType = .float32, using generator: RandomGenerator) {
        self.heads = heads
        queryKeyValue =
            heads > 0 && width % (2 * heads) == 0
            ? Linear(width, 3 * width, dtype: dtype, using: generator)
            : Linear(failing: "\(heads) heads do not divide a width of \(width) into even parts")
        output = Linear(width, width, dtype: dtype, using: generator)
    }

    /// The attended input [batch, positions, width].
    public func callAsFunction(_ input: Tensor) -> Tensor {
        callAsFunction(input, attended: nil, turned: nil)
    }

    /// The attended input [batch, positions, width].
    ///
    /// - Parameters:
    ///   - input: the sequences.
    ///   - attended: which positions are attended to, Booleans that broadcast to [batch, heads, positions, positions].
    ///   - turned: the rotations of the positions; nil computes them.
    func callAsFunction(_ input: Tensor, attended: Tensor?, turned: RotaryPositions?) -> Tensor {
        let mapped = queryKeyValue(input)
        guard mapped.failure == nil, mapped.rank == 3 else { return mapped }
        let (queries, keys, values) = mapped.headParts(heads: heads)
        let turned = turned ?? rotations(of: mapped)
        let result = turned.turning(queries).attending(
            keys: turned.turning(keys), values: values, isCausal: false, attended: attended)
        return output(result.joinedHeads)
    }

    /// The rotations for the positions of [batch, positions, ...].
    func rotations(of sequences: Tensor) -> RotaryPositions {
        RotaryPositions(
            count: sequences.shape[1], width: output.weight.shape[0] / heads,
            dtype: ComputePrecision.current == .float32 ? sequences.dtype : sequences.dtype.accumulator,
            device: sequences.device)
    }
}

extension RotarySelfAttention {
    /// The description of a layer in JSON: `{"rotary_self_attention": [width, heads]}`.
    public struct Description: LayerDescription {
        public static let kind = "rotary_self_attention"
        public static let shortForm = ["width", "heads"]
        public static var options: [LayerOption<Self>] {
            [.required("width", \.width, .size), .required("heads", \.heads, .size)]
        }
        var width: Int
        var heads: Int

        public init() { self.init(width: 0, heads: 0) }

        /// Describes a layer by its options.
        public init(width: Int, heads: Int) { (self.width, self.heads) = (width, heads) }

        public func check() throws(LayerDescriptionError) {
            if width % heads != 0 || width / heads % 2 != 0 {
                throw LayerDescriptionError(
                    "has \(heads) heads, which do not divide a width of \(width) into even parts")
            }
            try requireElements([3 * width, width])
        }

        public func outputShape(for input: TracedShape) throws(LayerDescriptionError) -> TracedShape {
            try TracedShape.ranked(input.requiringRank(3)).requiringWidth(width)
        }

        public var parameterShapes: [(name: String, shape: [Int])]? {
            [
                ("queryKeyValue.weight", [3 * width, width]), ("queryKeyValue.bias", [3 * width]),
                ("output.weight", [width, width]), ("output.bias", [width]),
            ]
        }

        public func makeLayer(dtype: DType, using generator: RandomGenerator) -> any UnaryLayer {
            RotarySelfAttention(width, heads: heads, dtype: dtype, using: generator)
        }
    }
}
