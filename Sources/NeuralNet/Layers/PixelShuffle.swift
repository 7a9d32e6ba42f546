import Torch

/// Makes an image larger by laying the channels of a pixel out as a square of pixels (Shi et al. 2016): channels
/// [c * r * r] of a pixel become r by r pixels of c channels. It has no parameters; the convolution before it is linear in
/// its own at each position of the small image.
public final class PixelShuffle: UnaryLayer {
    /// The factor r of both sides.
    public let factor: Int

    /// Creates the layer of a factor of at least 1; others give failed tensors.
    public init(_ factor: Int) { self.factor = factor }

    /// The image [batch, c, r height, r width] for an input [batch, c r^2, height, width].
    public func callAsFunction(_ input: Tensor) -> Tensor { input.pixelsShuffled(factor) }
}

extension PixelShuffle {
    /// The description of a layer in JSON: `{"pixel_shuffle": factor}`.
    public struct Description: LayerDescription {
        public static let kind = "pixel_shuffle"
        public static let shortForm = ["factor"]
        public static var options: [LayerOption<Self>] { [.required("factor", \.factor, .size)] }
        var factor: Int

        public init() { self.init(factor: 0) }

        /// Describes a layer by the factor of both sides.
        public init(factor: Int) { self.factor = factor }

        public func outputShape(for input: TracedShape) throws(LayerDescriptionError) -> TracedShape {
            let sizes = try input.requiringRank(4)
            let (square, overflows) = factor.multipliedReportingOverflow(by: factor)
            if overflows { throw LayerDescriptionError("has a factor of \(factor): too large") }
            func grown(_ side: Int?) throws(LayerDescriptionError) -> Int? {
                guard let side else { return nil }
                let (size, overflows) = side.multipliedReportingOverflow(by: factor)
                if overflows { throw LayerDescriptionError("is given too many elements") }
                return size
            }
            if let channels = sizes[1], channels % square != 0 {
                throw LayerDescriptionError(
                    "takes a multiple of \(square) channels, but is given \(channels)")
            }
            return .ranked([sizes[0], sizes[1].map { $0 / square }, try grown(sizes[2]), try grown(sizes[3])])
        }

        public var parameterShapes: [(name: String, shape: [Int])]? { [] }

        public func makeLayer(dtype: DType, using generator: RandomGenerator) -> any UnaryLayer {
            PixelShuffle(factor)
        }
    }
}
