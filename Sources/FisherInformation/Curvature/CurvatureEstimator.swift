import NeuralNet
import Torch

/// Estimates the Fisher information of a model's parameters on batches.
///
///     let estimator = try CurvatureEstimator(of: model)
///     let found = try estimator.diagonal(units: batch.unitCount) { try objective(batch) }
///
/// Layers are captured during one forward pass; the gradients of each unit are made of what they were given and
/// of what came back to them, and are squared after everything that a unit contributes to a parameter (positions,
/// several uses, a tied head) has been summed.
public struct CurvatureEstimator {
    /// The largest memory that units' gradients may take at a time, in bytes.
    static let chunkByteCount = 4 << 20

    /// The runs of units whose memory stays below that.
    static func chunks(_ units: Int, unitByteCount: Int) -> [Range<Int>] {
        let length = max(1, min(units, chunkByteCount / max(unitByteCount, 1)))
        return stride(from: 0, to: units, by: length).map { $0..<min($0 + length, units) }
    }

    package let model: any Module
    /// The trainable parameters in the order of the model.
    package let parameters: [NamedParameter]
    /// Layers that share no parameter with other clusters.
    package let clusters: [LayerCluster]
    /// Parameters whose gradients by unit take a backward pass each.
    package let generic: [NamedParameter]

    /// Prepares estimates for a model.
    ///
    /// Every trainable parameter must belong to a layer that tells its units' gradients, and be used by that layer
    /// only; throws those that belong to none, unless the generic route is allowed for them.
    public init(of model: any Module, generic route: PerSampleFallback = .refused) throws(CurvatureError) {
        self.model = model
        let trainable = model.parameters.filter(\.parameter.isTrainable)
        if trainable.isEmpty { throw .nothingToEstimate }
        parameters = trainable
        clusters = route == .always ? [] : LayerCluster.clusters(of: model)
        let covered = Set(clusters.flatMap(\.parameters).map(ObjectIdentifier.init))
        generic = trainable.filter { !covered.contains(ObjectIdentifier($0.parameter)) }
        if route == .refused, !generic.isEmpty { throw .unsupportedParameters(generic.map(\.path)) }
    }

    /// A forward pass with everything captured.
    ///
    /// - Parameters:
    ///   - units: the length of the first axis, a unit each.
    ///   - forward: the forward pass.
    public func capture<Outcome>(units: Int, _ forward: () throws -> Outcome) throws -> CapturedPass<Outcome>
    {
        try CapturedPass(of: model, units: units, generic: generic.map(\.parameter), forward)
    }
}
