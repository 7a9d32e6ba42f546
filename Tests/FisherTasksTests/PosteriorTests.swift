import Fisher
import Foundation
import Testing

@testable import FisherTasks
@testable import FisherTraining

/// Classifiers trained with a rule that keeps a posterior are judged by its averaged predictions too.
@Suite struct PosteriorTests {
    @Test(arguments: ["ivon", "adamw"])
    func calibrationIsInTheRecord(_ name: String) throws {
        let (training, test) = try Digits.all.split(test: 0.2)
        let task = try DigitsTask(.perceptron, training: training, test: test, batch: 32)
        var rule = try RuleRegistry.rule(named: name)
        rule.learningRate = name == "ivon" ? 0.2 : 1e-3
        if name == "ivon" {
            try rule.set([("ess", "\(training.count)"), ("beta2", "0.99"), ("hess_init", "0.5")])
        }
        let session = try TrainingSession(task, OptimizerCandidate(label: name, rule: rule), seed: 1)
        for _ in 0..<8 { _ = try session.advance() }
        let state = try session.optimizer.state.mapValues { try $0.scalars(as: Double.self) }
        let record = try session.concludingRecord()
        let measures = try #require(record.measures)
        let averaged = [
            "averaged accuracy", "averaged negative log-likelihood", "averaged expected calibration error",
        ]
        #expect(
            measures.map(\.name)
                == ["accuracy", "expected calibration error"] + (name == "ivon" ? averaged : []))
        #expect(measures.allSatisfy { $0.value.isFinite && $0.value >= 0 })
        // Nothing of the run is drawn for it.
        #expect(try session.optimizer.state.mapValues { try $0.scalars(as: Double.self) } == state)
        guard let posterior = session.optimizer.posterior else {
            #expect(name == "adamw")
            return
        }
        let probabilities = try posterior.averaged(over: 32, using: try RandomGenerator(seed: 0)) {
            session.model(test.images).softmax(along: -1)
        }
        let rows = try probabilities.scalars(as: Double.self)
        let losses = try test.targets.scalars(as: Int64.self).enumerated().map { row, label in
            -log(rows[row * 10 + Int(label)])
        }
        let expected = losses.reduce(0, +) / Double(losses.count)
        #expect(abs(measures[3].value - expected) < 1e-6)
        #expect(abs(expected - (try withoutGradients { try task.validationLoss(of: session.model) })) > 1e-4)
    }

    /// An autoencoder is no classifier.
    @Test func autoencodersHaveNone() throws {
        let (training, test) = try Digits.all.split(test: 0.2)
        let task = try DigitsTask(.autoencoder, training: training, test: test, batch: 32)
        let model = try task.makeModel(seed: 1)
        let optimizer = try Optimizer(for: model, IVON())
        #expect(try task.measures(of: model, posterior: optimizer.posterior).isEmpty)
    }
}
