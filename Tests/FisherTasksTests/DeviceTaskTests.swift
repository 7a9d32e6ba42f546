import Fisher
import FisherData
import FisherTraining
import Foundation
import TestSupport
import Testing

@testable import FisherTasks

/// Runs of every task on a device beside the CPU: training, evaluation, measures, checkpoints, resumption.
@Suite struct DeviceTaskTests {
    struct Subject: CustomTestStringConvertible, Sendable {
        let task: any ConfigurableTask.Type
        let values: [String: String]
        var testDescription: String { "\(task.name) \(values.sorted { $0.key < $1.key })" }
    }

    static let subjects: [Subject] = [
        Subject(task: DigitsTask.self, values: ["model.network": "autoencoder", "data.batch": "8"]),
        Subject(task: DigitsTask.self, values: ["model.network": "cnn", "data.batch": "8"]),
        Subject(task: DigitsTask.self, values: ["model.network": "lstm", "data.batch": "8"]),
        Subject(task: GraphsTask.self, values: ["data.batch": "8"]),
        Subject(
            task: LanguageTask.self,
            values: [
                "model.context": "16", "model.width": "16", "model.layers": "1", "model.heads": "2",
                "model.dropout": "0.1", "data.batch": "2", "data.validation_bytes": "256",
            ]),
        Subject(
            task: ImagesTask.self,
            values: [
                "model.network": "resnet18", "model.width": "2", "data.batch": "6", "data.test_share": "0.05",
                "data.crop": "1", "data.flip": "true",
            ]),
        Subject(task: VectorQuantizedTask.self, values: ["data.batch": "8", "data.validation_images": "16"]),
    ]

    /// Two steps with an evaluation, on a device.
    private static func run<Task: ConfigurableTask>(
        _: Task.Type, _ values: [String: String], on device: Device, in folder: String,
        resuming: Bool = false,
        steps: Int = 2
    ) throws -> RunDocument {
        let shared = [
            "training.steps": "\(steps)", "training.evaluate_every": "1", "training.device": "\(device)",
            "training.threads": "1", "log.tensorboard": "false", "optimizer.rule": "fadam",
            "optimizer.schedule": "constant", "optimizer.warm_up": "0",
        ]
        let layers =
            (Task.presets.first { $0.name == "nano" } ?? Task.presets.first).map { [$0.layer] } ?? []
        let all = values.merging(shared) { own, _ in own }.map { ($0.key, [$0.value]) }
        let resolved = try ResolvedConfiguration<Task.Options>(
            layers + [ConfigurationLayer(.commandLine, all)])
        return try DurableRun<Task>(resolved, in: RunDirectory(path: folder))(
            resuming: resuming, allowing: [.changedSchedule])
    }

    private static func curve(_ document: RunDocument) -> [Double] {
        document.record.curve.compactMap(\.validationLoss)
    }

    /// The losses are the CPU's: the first weights and the batches are, and float32 sums differ in their order only. What
    /// dropout draws is the device's own.
    @Test(arguments: subjects)
    func runsAreThoseOfTheCPU(_ subject: Subject) throws {
        try TemporaryFolder.with { root in
            func both<Task: ConfigurableTask>(_ task: Task.Type) throws {
                let here = try Self.run(task, subject.values, on: .cpu, in: root + "/here")
                let there = try Self.run(task, subject.values, on: SecondDevice.device, in: root + "/there")
                #expect(here.environment.device == "cpu")
                #expect(there.environment.device?.hasPrefix("\(SecondDevice.device)") == true)
                let (a, b) = (Self.curve(here), Self.curve(there))
                #expect(a.count == 3 && b.count == 3)
                let isRandom = subject.values["model.dropout"] != nil
                for (x, y) in zip(a, b) {
                    #expect(abs(x - y) <= (isRandom ? 0.05 : 1e-4) * abs(x), "\(a) \(b)")
                }
                // A run goes on on another device, in both directions.
                let onCPU = try Self.run(
                    task, subject.values, on: .cpu, in: root + "/there", resuming: true, steps: 3)
                #expect(onCPU.resumes.last?.device == "cpu" && Self.curve(onCPU).count == 4)
                let onDevice = try Self.run(
                    task, subject.values, on: SecondDevice.device, in: root + "/here", resuming: true,
                    steps: 3)
                #expect(Self.curve(onDevice).count == 4)
                #expect(abs(Self.curve(onDevice)[3] - Self.curve(onCPU)[3]) <= 0.1 * Self.curve(onCPU)[3])
            }
            try both(subject.task)
        }
    }

    /// A run that is stopped and goes on on one device has the bits of one that was not.
    @Test func aRunResumesToTheBit() throws {
        try TemporaryFolder.with { root in
            let values = ["model.network": "cnn", "data.batch": "8"]
            let whole = try Self.run(
                DigitsTask.self, values, on: SecondDevice.device, in: root + "/whole", steps: 4)
            _ = try Self.run(DigitsTask.self, values, on: SecondDevice.device, in: root + "/half", steps: 2)
            let half = try Self.run(
                DigitsTask.self, values, on: SecondDevice.device, in: root + "/half", resuming: true, steps: 4
            )
            // The evaluations' losses are sums of the same numbers in the same order.
            #expect(Self.curve(half) == Self.curve(whole))
        }
    }

    @Test func tablesAreTrainedOn() throws {
        try TemporaryFolder.with { root in
            try DataTaskTests.write(DataTaskTests.houses, to: root + "/houses.csv")
            let values = [
                "data.inputs": root + "/houses.csv", "data.target": "price", "data.drop": "id",
                "data.batch": "8",
            ]
            let here = try Self.run(DataTask.self, values, on: .cpu, in: root + "/here")
            let there = try Self.run(DataTask.self, values, on: SecondDevice.device, in: root + "/there")
            for (x, y) in zip(Self.curve(here), Self.curve(there)) { #expect(abs(x - y) <= 1e-4 * abs(x)) }
        }
    }

    @Test("Speech", arguments: [Conformer.Head.ctc, .transducer])
    func speechIsTranscribed(_ head: Conformer.Head) throws {
        try SpeechTaskTests.withTask(head) { task, folder in
            _ = task
            try withDevice(SecondDevice.device) {
                var options = SpeechOptions()
                options.data = SpeechFolder.options([folder.path + "/all.tsv"])
                (options.size, options.head, options.batch, options.dropout) = (.nano, head, 4, 0.1)
                options.data.buckets = 2
                let task = try SpeechTask(
                    options.model(), corpus: options.data.read(progress: LoadingProgress(nil)),
                    data: options.data,
                    batch: options.batch, beam: options.beam)
                let session = try TrainingSession(
                    task, OptimizerCandidate(label: "fadam", rule: FAdam(), clipGradientNorm: 1), seed: 0)
                #expect(try session.advance().loss.isFinite)
                #expect(try session.evaluate().validationLoss?.isFinite == true)
                session.model.setTraining(false)
                #expect(try !task.measures(of: session.model).isEmpty)
            }
        }
    }
}
