// Layers between images and sequences of positions, as a vision transformer needs them.

import Torch

/// The positions of an image as a sequence, row by row.
public final class Tokens: UnaryLayer {
    /// Creates the layer.
    public init() {}

    /// The input [batch, channels, height, width] as [batch, height width, channels].
    public func callAsFunction(_ input: Tensor) -> Tensor { input.flattened(from: 2).transposed(1, 2) }

    /// The description of a layer in JSON: `"tokens"`.
    public struct Description: LayerDescription {
        public static let kind = "tokens"
        public init() {}
        public func outputShape(for input: TracedShape) throws(LayerDescriptionError) -> TracedShape {
            let sizes = try input.requiringRank(4)
            let positions = sizes[2].flatMap { height in
                sizes[3].flatMap { width -> Int? in
                    let (product, overflows) = height.multipliedReportingOverflow(by: width)
                    return overflows ? nil : product
                }
            }
            return .ranked([sizes[0], positions, sizes[1]])
        }
        public func makeLayer(dtype: DType, using generator: RandomGenerator) -> any UnaryLayer { Tokens() }
    }
}

/// The mean over the positions of a sequence.
public final class MeanOverPositions: UnaryLayer {
    /// Creates the layer.
    public init() {}

    /// The mean [batch, width] of [batch, positions, width].
    public func callAsFunction(_ input: Tensor) -> Tensor { input.mean(along: 1) }

    /// The description of a layer in JSON: `"mean_over_positions"`.
    public struct Description: LayerDescription {
        public static let kind = "mean_over_positions"
        public init() {}
        public func outputShape(for input: TracedShape) throws(LayerDescriptionError) -> TracedShape {
            let sizes = try input.requiringRank(3)
            return .ranked([sizes[0], sizes[2]])
        }
        public func makeLayer(dtype: DType, using generator: RandomGenerator) -> any UnaryLayer {
            MeanOverPositions()
        }
    }
}

/// The first position of a sequence, which a vision transformer gives to its class token.
public final class FirstPosition: UnaryLayer {
    /// Creates the layer.
    public init() {}

    /// The vectors [batch, width] at the first position of [batch, positions, width].
    public func callAsFunction(_ input: Tensor) -> Tensor {
        input.narrowed(1, from: 0, length: 1).flattened(from: 1)
    }

    /// The description of a layer in JSON: `"first_position"`.
    public struct Description: LayerDescription {
        public static let kind = "first_position"
        public init() {}
        public func outputShape(for input: TracedShape) throws(LayerDescriptionError) -> TracedShape {
            let sizes = try input.requiringRank(3)
            return .ranked([sizes[0], sizes[2]])
        }
        public func makeLayer(dtype: DType, using generator: RandomGenerator) -> any UnaryLayer {
            FirstPosition()
        }
    }
}

/// Adds a learned vector to each position of a sequence, and before that a learned class token in front, if there is to
/// be one (Dosovitskiy et al. 2021).
public final class PositionEmbedding: UnaryLayer {
    /// The vector of each position, the class token's first; shape [positions, width].
    @Parameter public var weight: Tensor
    /// The class token, shape [width], if there is one.
    public let classToken: Parameter?
    let site = CaptureSite()

    /// Draws the vectors, by default from N(0, 0.02^2), of a number of positions without the class token.
    public init(
        _ positions: Int, _ width: Int, hasClassToken: Bool = false,
        weight: Initializer = .normal(standardDeviation: 0.02), dtype: DType = .float32,
        using generator: RandomGenerator
    ) {
        let count = positions + (hasClassToken ? 1 : 0)
        _weight = Parameter(wrappedValue: weight([count, width], dtype: dtype, using: generator))
        classToken =
            hasClassToken
            ? Parameter(wrappedValue: weight([width], dtype: dtype, using: generator)) : nil
    }

    /// The sequence [batch, positions, width], with a class token one longer.
    public func callAsFunction(_ input: Tensor) -> Tensor {
        guard let classToken, input.failure == nil, input.rank == 3 else {
            return site.record(input: input, output: input + weight)
        }
        let width = input.shape[2]
        let token = classToken.wrappedValue.reshaped([1, 1, width]).expanded([input.shape[0], 1, width])
        return site.record(input: input, output: .concatenated([token, input], along: 1) + weight)
    }
}

/// The gradient of a vector that is added is that of the sum.
extension PositionEmbedding: InformativeLayer {
    public var informativeParameters: [Parameter] { [$weight] + [classToken].compactMap(\.self) }

    public func unitGradients(of use: LayerActivation) -> [Tensor?] {
        let gradient = use.outputGradient
        guard classToken != nil else { return [gradient] }
        return [gradient, gradient.narrowed(1, from: 0, length: 1).flattened(from: 1)]
    }
}

extension PositionEmbedding {
    /// The description of a layer in JSON: `{"position_embedding": [positions, width]}`.
    public struct Description: LayerDescription {
        public static let kind = "position_embedding"
        public static let shortForm = ["positions", "width"]
        public static var options: [LayerOption<Self>] {
            [
                .required("positions", \.positions, .size), .required("width", \.width, .size),
                .optional("class_token", \.hasClassToken, .flag),
            ]
        }
        var positions: Int
        var width: Int
        var hasClassToken: Bool

        public init() { self.init(positions: 0, width: 0) }

        /// Describes a layer by its options.
        public init(positions: Int, width: Int, hasClassToken: Bool = false) {
            (self.positions, self.width, self.hasClassToken) = (positions, width, hasClassToken)
        }

        private var count: Int { positions + (hasClassToken ? 1 : 0) }

        public func check() throws(LayerDescriptionError) { try requireElements([count, width]) }

        public func outputShape(for input: TracedShape) throws(LayerDescriptionError) -> TracedShape {
            let sizes = try input.requiringRank(3)
            _ = try TracedShape.ranked(sizes).requiringWidth(width)
            if let given = sizes[1], given != positions {
                throw LayerDescriptionError("takes \(positions) positions, but is given \(given)")
            }
            return .ranked([sizes[0], count, width])
        }

        public var parameterShapes: [(name: String, shape: [Int])]? {
            [("weight", [count, width])] + (hasClassToken ? [("classToken", [width])] : [])
        }

        public func makeLayer(dtype: DType, using generator: RandomGenerator) -> any UnaryLayer {
            PositionEmbedding(
                positions, width, hasClassToken: hasClassToken, dtype: dtype, using: generator)
        }
    }
}
