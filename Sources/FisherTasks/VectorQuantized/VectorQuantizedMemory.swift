import Fisher
import FisherTraining

/// What moves a codebook between the steps of a run. Its state lies in the model, which checkpoints hold: the memory itself
/// has nothing to save.
public final class VectorQuantizedMemory: RunMemory {
    /// Nothing is saved besides the model.
    public struct State: Codable, Sendable {}

    init() {}

    public func replacesOptimizer(after step: Int) -> Bool { false }

    public func prepare(
        _ model: VectorQuantizedAutoencoder, for batch: SupervisedBatch, after step: Int
    ) {
        model.quantizer.beginStep(units: batch.unitCount)
    }

    public func conclude(
        _ model: VectorQuantizedAutoencoder, _ optimizer: Optimizer, after step: Int
    ) throws {
        try model.quantizer.endStep()
    }

    /// The number of codes that the last step's batch chose.
    public func measurements(
        of model: VectorQuantizedAutoencoder, after step: Int
    ) throws -> [(name: String, value: Double)] {
        [("codes_in_use", try model.quantizer.idle.wrappedValue.equals(0).sum().item())]
    }

    public func saved() -> (state: State, tensors: [String: Tensor]) { (State(), [:]) }

    public func restore(
        _ state: State, _ tensors: [String: Tensor], model: VectorQuantizedAutoencoder, after step: Int
    ) {}
}
