import Fisher
import FisherTraining

/// What moves a codebook between the steps of a run. Its state lies in the model, which checkpoints hold: the memory itself
/// has nothing to save.
package final class VectorQuantizedMemory: RunMemory {
    /// Nothing is saved besides the model.
    package struct State: Codable, Sendable {}

    /// The images in a step.
    private let batch: Int
    private var processes: ProcessGroup?

    init(batch: Int) { self.batch = batch }

    package func share(with processes: ProcessGroup?) { self.processes = processes }

    package func replacesOptimizer(after step: Int) -> Bool { false }

    package func prepare(
        _ model: VectorQuantizedAutoencoder, for batch: SupervisedBatch, after step: Int
    ) {
        model.quantizer.beginStep(units: processes?.part(of: self.batch).count ?? batch.unitCount)
    }

    package func conclude(
        _ model: VectorQuantizedAutoencoder, _ optimizer: Optimizer, after step: Int
    ) throws {
        try model.quantizer.endStep(sharedBy: processes)
    }

    /// The number of codes that the last step's batch chose.
    package func measurements(
        of model: VectorQuantizedAutoencoder, after step: Int
    ) throws -> [(name: String, value: Double)] {
        [("codes_in_use", try model.quantizer.idle.wrappedValue.equals(0).sum().item())]
    }

    package func saved() -> (state: State, tensors: [String: Tensor]) { (State(), [:]) }

    package func restore(
        _ state: State, _ tensors: [String: Tensor], model: VectorQuantizedAutoencoder, after step: Int
    ) {}
}
