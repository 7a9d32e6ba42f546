import Fisher
import Foundation
import Testing

@testable import FisherStudies
@testable import FisherTraining

/// A run is resumed from what is there, or not at all: nothing that is missing or changed is passed over.
@Suite struct ResumeTests {
    static let values = ["training.steps": "20", "training.seed": "0", "checkpoints.every": "3"]

    static func run(
        _ root: String, _ task: ToyTask = ToyTask(), steps: Int = 20, every: Int = 3, keep: Int = 2,
        schedule: Int = 30, values given: [String: String]? = nil
    ) throws -> DurableRun<ToyTask> {
        var configuration = TrainingConfiguration()
        configuration.steps = steps
        configuration.evaluateEvery = 5
        configuration.checkpointEvery = every
        configuration.keep = keep
        configuration.tensorBoard = false
        var values = given ?? values
        if given == nil { values["checkpoints.every"] = "\(every)" }
        var rule = FAdam()
        rule.learningRate = .cosine(0.05, steps: schedule, warmUp: 3)
        return DurableRun(
            task, OptimizerCandidate(label: "fadam", rule: rule, clipGradientNorm: 1),
            in: RunDirectory(path: root), training: configuration,
            toml: "[training]\nsteps = \(steps)\nseed = 0\n", values: values, environment: .example)
    }

    /// Stops a run after some steps as a crash would.
    static func crash(_ root: String, after step: Int, every: Int = 3) throws {
        struct Crash: Error {}
        #expect(throws: Crash.self) {
            try run(root, every: every)(
                callbacks: .init(afterStep: { session, _ in
                    if session.progress.step == step { throw Crash() }
                }))
        }
    }

    private func refused(_ root: String, _ allowed: ResumeAllowances = []) throws -> String {
        let log = try? Data(contentsOf: URL(filePath: root + "/metrics.jsonl"))
        let error = #expect(throws: StorageError.self) {
            try Self.run(root)(resuming: true, allowing: allowed)
        }
        #expect((try? Data(contentsOf: URL(filePath: root + "/metrics.jsonl"))) == log, "the log was changed")
        return error.map { "\($0)" } ?? ""
    }

    private func removeContents(_ folder: String) throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
            try FileManager.default.removeItem(atPath: folder + "/" + name)
        }
    }

    /// As where the disk of the checkpoints is not mounted: `run.json` knows of them, or the log does.
    @Test(arguments: ["run.json", "metrics.jsonl"])
    func checkpointsThatAreGoneAreMissed(_ witness: String) throws {
        try ToyTask.withFolder { root in
            try Self.crash(root, after: 11)
            try removeContents(root + "/checkpoints")
            let other = witness == "run.json" ? "metrics.jsonl" : "run.json"
            try FileManager.default.removeItem(atPath: root + "/" + other)
            let text = try refused(root)
            #expect(
                text.contains(
                    "holds no checkpoint, but \(root)/\(witness) tells of one that was saved at step"))
            #expect(text.contains("--accept-damage"))
            let document = try Self.run(root)(resuming: true, allowing: .damage)
            #expect(document.phase == .completed && document.resumes.isEmpty)
        }
    }

    /// The log's lines after the newest checkpoint tell of a later one; those of a crash before the next do not.
    @Test func theLogProvesCheckpoints() throws {
        try ToyTask.withFolder { root in
            try Self.crash(root, after: 20)
            let directory = RunDirectory(path: root)
            var document = try directory.document()
            document.savedStep = nil
            try directory.write(document)
            let steps = try directory.checkpoints.list()
            #expect(steps.first?.step == 18)
            try FileManager.default.removeItem(atPath: steps[0].path)
            let text = try refused(root)
            #expect(text.contains("only, but \(root)/metrics.jsonl tells of one that was saved at step 18"))
        }
    }

    /// However far a crash is from the last checkpoint, the log proves no more than was saved.
    @Test(arguments: [1, 2, 4, 5, 6, 7, 11, 16], [0, 3, 100])
    func aCrashIsNoDamage(_ step: Int, _ every: Int) throws {
        try ToyTask.withFolder { root in
            try Self.crash(root, after: step, every: every)
            #expect(try Self.run(root, every: every)(resuming: true).phase == .completed)
        }
    }

    /// A folder that cannot be listed is not an empty one.
    @Test(arguments: ["file", "loop"])
    func aFolderThatCannotBeReadIsAnError(_ kind: String) throws {
        try ToyTask.withFolder { root in
            try Self.crash(root, after: 11)
            let folder = root + "/checkpoints"
            try FileManager.default.removeItem(atPath: folder)
            if kind == "file" {
                try Data().write(to: URL(filePath: folder))
            } else {
                symlink(folder, folder)
            }
            #expect(throws: StorageError.self) { try CheckpointStore(folder: folder).list() }
            #expect(try refused(root).contains("cannot be listed"))
            #expect(try refused(root, .damage).contains("cannot be listed"))
            #expect(throws: StorageError.self) { try Self.run(root)() }
        }
    }

    @Test func anEditedConfigurationIsNamed() throws {
        try ToyTask.withFolder { root in
            try Self.crash(root, after: 4)
            let file = root + "/config.toml"
            let written = try String(contentsOfFile: file, encoding: .utf8)
            #expect(written.contains(/seed = 0\n# check [0-9a-f]{8}\n$/))
            for (text, reason) in [
                (
                    written.replacing("seed = 0", with: "seed = 1"),
                    "is not as the run wrote it (training.seed = 1, was 0)"
                ),
                (String(written.dropLast(17)), "does not end with the check"),
                (written + "\n", "is not as the run wrote it"), ("", "does not end with the check"),
            ] {
                try Data(text.utf8).write(to: URL(filePath: file))
                #expect(try refused(root).contains(reason))
            }
            try Data(written.utf8).write(to: URL(filePath: file))
            #expect(try Self.run(root)(resuming: true).phase == .completed)
        }
    }

    /// Another configuration whose check is right: the checkpoint knows the one that it was saved with.
    @Test func anotherConfigurationIsNamed() throws {
        try ToyTask.withFolder { root in
            try Self.crash(root, after: 11)
            var values = Self.values
            values["training.seed"] = "7"
            let error = #expect(throws: StorageError.self) {
                try Self.run(root, values: values)(resuming: true)
            }
            #expect(error?.reason.contains("is of another run: training.seed 0, not 7") == true)
            values = Self.values
            values["training.steps"] = "25"
            values["checkpoints.every"] = "4"
            #expect(try Self.run(root, steps: 25, values: values)(resuming: true).phase == .completed)
        }
    }

    /// A log that lost its end, its beginning, or a bit.
    @Test(arguments: ["cut", "gone", "bit", "line"])
    func aLogThatIsNotAsItWasIsNamed(_ damage: String) throws {
        try ToyTask.withFolder { root in
            try Self.crash(root, after: 11)
            let path = root + "/metrics.jsonl"
            var data = try Data(contentsOf: URL(filePath: path))
            let lines = data.split(separator: 0x0A).count
            switch damage {
            case "cut": data = data.prefix(300)
            case "gone": data = Data()
            case "bit": data[100] ^= 1
            default: data = data[(data.firstIndex(of: 0x0A)! + 1)...]
            }
            try data.write(to: URL(filePath: path))
            if damage == "gone" { try FileManager.default.removeItem(atPath: path) }
            let text = try refused(root)
            #expect(text.hasPrefix(path + (["bit", "line"].contains(damage) ? " does not begin" : " has ")))
            #expect(text.contains("--accept-damage"))
            #expect(try Self.run(root)(resuming: true, allowing: .damage).phase == .completed)
            let whole = try String(contentsOfFile: path, encoding: .utf8)
            for line in whole.split(separator: "\n") where damage != "bit" {
                #expect(throws: Never.self) {
                    try StoredJSON.decode([String: Double].self, from: Data(line.utf8))
                }
            }
            #expect(lines > 3)
            // The next resumption finds a log that fits.
            #expect(try Self.run(root)(resuming: true).phase == .completed)
        }
    }

    @Test func anotherScheduleIsRefusedOrFollowed() throws {
        try ToyTask.withFolder { root in
            try Self.crash(root, after: 11)
            let error = #expect(throws: ConfigurationError.self) {
                try Self.run(root, steps: 40, schedule: 60)(resuming: true)
            }
            let text = error.map { "\($0)" } ?? ""
            #expect(text.hasPrefix("learning_rate would go on as cosine(peak=0.05, steps=60"), "\(text)")
            #expect(text.contains("but was cosine(peak=0.05, steps=30") && text.contains("--change-schedule"))
            struct Crash: Error {}
            #expect(throws: Crash.self) {
                try Self.run(root, steps: 40, schedule: 60)(
                    resuming: true, allowing: .changedSchedule,
                    callbacks: .init(afterStep: { _, _ in throw Crash() }))
            }
            // What was allowed once holds.
            let document = try Self.run(root, steps: 40, schedule: 60)(resuming: true)
            #expect(document.phase == .completed && document.record.curve.last?.step == 40)
            // Another option than a schedule is another run.
            var configuration = TrainingConfiguration()
            (configuration.steps, configuration.tensorBoard) = (40, false)
            var rule = FAdam()
            rule.learningRate = .cosine(0.05, steps: 60, warmUp: 3)
            let other = DurableRun(
                ToyTask(), OptimizerCandidate(label: "fadam", rule: rule), in: RunDirectory(path: root),
                training: configuration, environment: .example)
            #expect(throws: StorageError.self) { try other(resuming: true, allowing: .changedSchedule) }
        }
    }

    /// Writes a checkpoint's `state.json` anew, with a manifest that fits.
    static func forge(_ checkpoint: Checkpoint, _ change: (inout [String: Any]) -> Void) throws {
        let data = try Data(contentsOf: URL(filePath: checkpoint.stateFile))
        var object = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
        change(&object)
        try JSONSerialization.data(withJSONObject: object).write(to: URL(filePath: checkpoint.stateFile))
        let files = try Checkpoint.fileNames.map { name in
            let (count, check) = try DurableStorage.check(of: checkpoint.path + "/" + name)
            return CheckpointManifest.File(name: name, byteCount: count, check: check)
        }
        let manifest = CheckpointManifest(step: checkpoint.step, files: files)
        try Data(manifest.text.utf8).write(
            to: URL(filePath: checkpoint.path + "/" + CheckpointManifest.fileName))
    }

    /// Numbers that no run has are an error before anything is computed from them.
    @Test(arguments: [
        ("formatVersion", "1", "format 1, not 2"), ("formatVersion", "3", "format 3, not 2"),
        ("progress.step", "-9223372036854775808", "its step is"),
        ("progress.step", "9223372036854775807", "its step is"),
        ("progress.seconds", "1e300", "seconds"), ("progress.seconds", "-1", "seconds"),
        ("progress.seconds", "\"NaN\"", "seconds"), ("progress.lossCount", "-1", "losses"),
        ("progress.lossCount", "1000000", "losses"), ("progress.evaluationsSinceBest", "-2", "evaluations"),
        ("progress.best", "{\"step\":99,\"loss\":1}", "best step"),
        ("progress.curve", "[{\"step\":-1,\"tokens\":0,\"seconds\":0}]", "a point at step -1"),
        ("progress.curve", "[{\"step\":5,\"tokens\":-3,\"seconds\":0}]", "-3 tokens"),
        (
            "progress.curve",
            "[{\"step\":5,\"tokens\":0,\"seconds\":0},{\"step\":2,\"tokens\":0,\"seconds\":0}]",
            "from step 5 back to 2"
        ),
        ("companion", "{\"metrics_bytes\":-5,\"metrics_check\":1}", "metrics.jsonl"),
        ("companion", "{\"metrics_bytes\":5,\"metrics_check\":-1}", "metrics.jsonl"),
        ("generators", "[\"\"]", "cannot be used"), ("microBatches", "3", "micro-batches 3, not 1"),
    ])
    func forgedNumbersAreRefused(_ key: String, _ value: String, _ reason: String) throws {
        try ToyTask.withFolder { root in
            try Self.crash(root, after: 11)
            let checkpoint = try #require(try RunDirectory(path: root).checkpoints.list().first)
            let forged = try JSONSerialization.jsonObject(with: Data(value.utf8), options: .fragmentsAllowed)
            try Self.forge(checkpoint) { object in
                let parts = key.split(separator: ".").map(String.init)
                if parts.count == 1 {
                    object[key] = forged
                } else if var inner = object[parts[0]] as? [String: Any] {
                    inner[parts[1]] = forged
                    object[parts[0]] = inner
                }
            }
            #expect(try refused(root).contains(reason))
        }
    }

    /// Positions in data that are not those of the run.
    @Test func foreignPositionsAreRefused() throws {
        let points = Tensor.zeros([6, 1])
        let stream = try ShuffledBatches(inputs: points, targets: points, batchSize: 2)
        func position(_ text: String) throws -> ShuffledIndices {
            try StoredJSON.decode(ShuffledIndices.self, from: Data(text.utf8))
        }
        for text in [
            "{\"seed\":0,\"count\":4000000000000000000,\"batch\":2,\"pass\":0,\"offset\":0}",
            "{\"seed\":0,\"count\":6,\"batch\":3,\"pass\":0,\"offset\":0}",
        ] {
            let foreign = try position(text)
            #expect(throws: BatchError.self) { try stream.restore(foreign) }
        }
        for text in [
            "{\"seed\":0,\"count\":6,\"batch\":2,\"pass\":0,\"offset\":6}",
            "{\"seed\":0,\"count\":6,\"batch\":2,\"pass\":9223372036854775807,\"offset\":0}",
            "{\"seed\":0,\"count\":6,\"batch\":0,\"pass\":0,\"offset\":0}",
        ] { #expect(throws: (any Error).self) { try position(text) } }
        try stream.restore(try position("{\"seed\":0,\"count\":6,\"batch\":2,\"pass\":3,\"offset\":4}"))
        #expect(stream.epoch == 3 && stream.next().inputs.shape == [2, 1] && stream.epoch == 4)
    }

    /// The last checkpoint with finite losses stays, however few are kept.
    @Test func theLastFiniteCheckpointStays() throws {
        try ToyTask.withFolder { root in
            var task = ToyTask()
            let evaluations = Counter()
            task.validation = { evaluations.next() > 2 ? .nan : nil }
            let document = try Self.run(root, task, keep: 1)()
            #expect(document.phase == .diverged)
            #expect(
                document.record.status == .diverged(step: 20, reason: "the validation loss is not finite"))
            #expect(document.finiteStep == 6 || document.finiteStep == 5, "\(document.finiteStep ?? -1)")
            let steps = try RunDirectory(path: root).checkpoints.list().map(\.step)
            #expect(steps.first == 20 && steps.contains(document.finiteStep ?? -1), "\(steps)")

            task = ToyTask()
            task.breaksAfter = 7
            #expect(throws: NonFiniteError.self) { try Self.run(root + "/2", task, every: 1, keep: 1)() }
            let kept = try RunDirectory(path: root + "/2").checkpoints.list().map(\.step)
            #expect(kept.prefix(2) == [7, 6], "\(kept)")
            #expect(try RunDirectory(path: root + "/2").document().finiteStep == 6)
        }
    }

    /// Weights that are not finite are never saved.
    @Test func weightsThatAreNotFiniteAreNotSaved() throws {
        try ToyTask.withFolder { root in
            #expect(throws: (any Error).self) {
                try Self.run(root, every: 1)(
                    callbacks: .init(afterStep: { session, _ in
                        if session.progress.step == 5 {
                            try withoutGradients { try session.model.second.weight.fill(.infinity) }
                        }
                    }))
            }
            let steps = try RunDirectory(path: root).checkpoints.list().map(\.step)
            #expect(steps.first == 4)
        }
    }

    /// A run whose checkpoint is damaged is resumed from the one before, which stays until there is a newer one.
    @Test func intactCheckpointsAreNotRemovedForDamagedOnes() throws {
        try ToyTask.withFolder { root in
            try Self.crash(root, after: 17)
            let store = RunDirectory(path: root).checkpoints
            let newest = try #require(try store.list().first)
            try Data().write(to: URL(filePath: newest.modelFile))
            struct Crash: Error {}
            var seen: [Int] = []
            #expect(throws: Crash.self) {
                try Self.run(root, every: 1, keep: 1)(
                    resuming: true,
                    callbacks: .init(betweenSteps: { session in
                        seen = try store.list().map(\.step)
                        if session.progress.step == newest.step - 1 { throw Crash() }
                    }))
            }
            #expect(seen.contains(newest.step - 1) && seen.contains(newest.step), "\(seen)")
            let document = try Self.run(root, every: 1, keep: 1)(resuming: true)
            #expect(document.resumes.last?.step == newest.step - 1)
            #expect(try store.survey().damaged.isEmpty)
        }
    }

    /// A run.json that cannot be read is not passed over.
    @Test func aDamagedDocumentIsNamed() throws {
        try ToyTask.withFolder { root in
            try Self.crash(root, after: 11)
            try Data("{".utf8).write(to: URL(filePath: root + "/run.json"))
            #expect(try refused(root).contains("run.json is not a run's document"))
            #expect(try Self.run(root)(resuming: true, allowing: .damage).phase == .completed)
        }
    }

    /// The configuration is there before the task is made.
    @Test func theConfigurationComesFirst() throws {
        try ToyTask.withFolder { root in
            struct Killed: Error {}
            func made() throws -> ToyTask {
                #expect(FileManager.default.fileExists(atPath: root + "/new/config.toml"))
                throw Killed()
            }
            let run = DurableRun(
                try made(), try ToyTask.candidate("sgd"), in: RunDirectory(path: root + "/new"),
                training: TrainingConfiguration(), environment: .example)
            #expect(throws: Killed.self) { try run() }
            #expect(try Self.run(root + "/new")().phase == .completed)
        }
    }

    /// Resuming what is complete changes neither the label nor what was measured.
    @Test func whatWasMeasuredStays() throws {
        try ToyTask.withFolder { root in
            let first = try Self.run(root)()
            #expect(first.record.forwardBackwardMilliseconds > 0)
            let again = try Self.run(root)(resuming: true)
            #expect(again.record.forwardBackwardMilliseconds == first.record.forwardBackwardMilliseconds)
            #expect(again.record.optimizerMilliseconds == first.record.optimizerMilliseconds)
        }
    }
}

/// Runs with a layer that is frozen.
@Suite struct FrozenRunTests {
    private static func run(_ root: String) throws -> DurableRun<ToyTask> {
        var configuration = TrainingConfiguration()
        (configuration.steps, configuration.evaluateEvery, configuration.checkpointEvery) = (12, 4, 3)
        configuration.tensorBoard = false
        return DurableRun(
            ToyTask(frozen: "^first"), try ToyTask.candidate("fadam"), in: RunDirectory(path: root),
            training: configuration, values: [:], environment: .example)
    }

    private static func weights(_ root: String) throws -> [String: [Float]] {
        guard let newest = try CheckpointStore(folder: root + "/checkpoints").newest() else { return [:] }
        let model = try ToyTask().makeModel(seed: 1)
        try model.load(from: newest.checkpoint.modelFile)
        return try values(of: model)
    }

    private static func values(of model: ToyTask.Network) throws -> [String: [Float]] {
        try model.parameters.reduce(into: [:]) {
            $0["\($1.path)"] = try $1.parameter.wrappedValue.scalars(as: Float.self)
        }
    }

    /// Cut and resumed, the layer stays what it was, and everything else ends where an undisturbed run does.
    @Test func aResumedRunGoesOnExactly() throws {
        try ToyTask.withFolder { root in
            _ = try Self.run(root + "/whole")()
            struct Crash: Error {}
            #expect(throws: Crash.self) {
                try Self.run(root + "/cut")(
                    callbacks: .init(afterStep: { session, _ in
                        if session.progress.step == 8 { throw Crash() }
                    }))
            }
            _ = try Self.run(root + "/cut")(resuming: true)
            let (whole, cut) = (try Self.weights(root + "/whole"), try Self.weights(root + "/cut"))
            #expect(whole == cut && whole.count == 4)
            for (name, first) in try Self.values(of: try ToyTask().makeModel(seed: 0)) {
                #expect((whole[name] == first) == name.hasPrefix("first"), "\(name)")
            }
        }
    }
}

/// Runs whose learning rate falls on plateaus.
@Suite struct PlateauRunTests {
    static func run(_ root: String, every: Int = 2) -> DurableRun<ToyTask> {
        var configuration = TrainingConfiguration()
        (configuration.steps, configuration.evaluateEvery, configuration.checkpointEvery) = (16, every, 3)
        configuration.tensorBoard = false
        var rule = FAdam()
        rule.learningRate = .plateau(0.05, factor: 0.5, patience: 1, cooldown: 1)
        return DurableRun(
            // The loss never improves, so that the rate falls at known evaluations.
            ToyTask(validation: { 1 }), OptimizerCandidate(label: "fadam", rule: rule),
            in: RunDirectory(path: root), training: configuration,
            values: [
                "training.evaluate_every": "\(every)", "optimizer.learning_rate": "plateau(peak=0.05)",
            ], environment: .example)
    }

    static func rates(_ root: String) throws -> [Double] {
        try String(contentsOfFile: root + "/metrics.jsonl", encoding: .utf8).split(separator: "\n").compactMap
        {
            let line = try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
            return line?["learning_rate"] as? Double
        }
    }

    @Test func aResumedRunGoesOnExactly() throws {
        try ToyTask.withFolder { root in
            _ = try Self.run(root + "/whole")()
            let whole = try Self.rates(root + "/whole")
            let expected = [(4, 0.05), (6, 0.025), (6, 0.0125)].flatMap {
                Array(repeating: $0.1, count: $0.0)
            }
            #expect(whole == expected)
            struct Crash: Error {}
            #expect(throws: Crash.self) {
                try Self.run(root + "/cut")(
                    callbacks: .init(afterStep: { session, _ in
                        if session.progress.step == 11 { throw Crash() }
                    }))
            }
            #expect(throws: StorageError.self) { try Self.run(root + "/cut", every: 4)(resuming: true) }
            _ = try Self.run(root + "/cut")(resuming: true)
            #expect(try Self.rates(root + "/cut") == whole)
            func weights(_ name: String) throws -> Data {
                let store = CheckpointStore(folder: root + "/" + name + "/checkpoints")
                guard let newest = try store.newest() else { return Data() }
                return try Data(contentsOf: URL(filePath: newest.checkpoint.modelFile))
            }
            #expect(try weights("whole") == weights("cut") && !weights("whole").isEmpty)
        }
    }
}
