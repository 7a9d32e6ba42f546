import Fisher
import FisherStudies
import FisherTasks
import FisherTraining

/// The training of a network at whose start, a tenth of the way and end something is measured.
struct PhasedTraining: Sendable {
    /// The seed of the first weights and the batches.
    let seed: UInt64
    /// The number of steps.
    let steps: Int

    /// Trains a task's network with AdamW, its gradient clipped at a norm of 1 and its rate falling by a cosine from 0.003.
    ///
    /// - Parameters:
    ///   - task: the task.
    ///   - onStep: called after every step with its number.
    ///   - measure: called with the name of the phase, `start`, `early` or `end`, and the network in evaluation.
    /// - Returns: what was measured, in the order of the phases.
    func callAsFunction<Task: TrainingTask, Value>(
        _ task: Task, onStep: (Int) -> Void, _ measure: (_ phase: String, Task.Model) throws -> Value
    ) throws -> [Value] {
        let candidate = OptimizerCandidate(
            label: "adamw", rule: try AdamW(learningRate: .cosine(3e-3, steps: steps)), clipGradientNorm: 1)
        let session = try TrainingSession(task, candidate, seed: seed)
        func look(_ phase: String) throws -> Value {
            session.model.setTraining(false)
            defer { session.model.setTraining(true) }
            return try measure(phase, session.model)
        }
        var found = [try look("start")]
        for step in 1...steps {
            try Interruption.poll()
            _ = try session.advance()
            onStep(step)
            if step == max(1, steps / 10) { found.append(try look("early")) }
        }
        return found + [try look("end")]
    }

    /// The task on digits with a network, in batches of 64.
    static func digits(
        _ network: DigitsNetwork, _ activation: DigitsNetwork.Activation = .own
    ) throws -> DigitsTask {
        var options = DigitsOptions()
        (options.network, options.activation, options.batch) = (network, activation, 64)
        return try DigitsTask(options)
    }
}
