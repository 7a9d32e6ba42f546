import ArgumentParser
import Fisher
import FisherReports
import FisherTasks
import FisherTraining
import Foundation

/// `fisher inspect`: the Fisher information of a model, layer by layer.
struct Inspect: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show a model's Fisher information by layer, from a run, a checkpoint or files.",
        discussion: """
            A run or a checkpoint of fisher train is inspected on batches of its own data. Any other file of weights \
            needs --model, --inputs and --targets, as fisher information takes them.

            The table has, by layer, the parameters, the trace of the information of an observation, effective rank \
            and condition number, the share of the Kronecker factors' squared energy on their diagonals, and how far \
            the empirical diagonal (the data's labels) is from the true one (labels drawn from the model). Layers \
            without Kronecker factors are marked and named.

            fisher inspect runs/first --report inspection.html
            fisher inspect weights.safetensors --model spec.json --inputs x.safetensors --targets y.safetensors
            """)

    @Argument(help: "A run's folder (its best checkpoint), a checkpoint's folder, or a safetensors file.")
    var checkpoint: String
    @Option(
        help: "The description of a plain network, JSON, for a file of weights that fisher did not write.")
    var model: String?
    @Option(help: "Its inputs, one sample per index of the first axis.")
    var inputs: String?
    @Option(help: "Its targets.")
    var targets: String?
    @Option(
        parsing: .upToNextOption,
        help: "Files or folders to take batches of, instead of the text that the run was trained on.")
    var text: [String] = []
    @Option(help: "Batches to use; the samples of --inputs are divided into this many.")
    var batches = 4
    @Option(help: "Seed of the batches and of the draws.")
    var seed: UInt64 = 0
    @Option(
        help:
            "Draws of labels per batch for the true information; 0: its closed form, a pass for each output.")
    var samples = 1
    @Option(
        help:
            "Write a page with heat maps of the factors, spectra and a map of the least-informed parameters.")
    var report: String?
    @Flag(help: "Print JSON instead of the table.")
    var json = false

    func validate() throws {
        try requirePositive(["batches": batches])
        guard samples >= 0 else { throw ValidationError("--samples must not be negative.") }
        guard
            [model, inputs, targets].allSatisfy({ $0 == nil })
                || [model, inputs, targets].allSatisfy({ $0 != nil })
        else { throw ValidationError("--model, --inputs and --targets belong together.") }
        guard model == nil || text.isEmpty else {
            throw ValidationError("--text is for language models, --model for plain networks.")
        }
    }

    func run() throws {
        Interruption.install()
        // An invalid path of the page is reported before the work, not after it.
        if let report { try FileWriter.check(report) }
        let (inspection, subject) = try model == nil ? saved() : plain()
        let document = InspectionDocument(inspection, of: subject)
        if json {
            print(String(decoding: document.json(), as: UTF8.self), terminator: "")
        } else {
            say(subject.description)
            print(document.text(), terminator: "")
        }
        if let report {
            try InspectionReport(inspection, of: subject).write(to: report)
            if !json { say("report: \(URL(filePath: report).path)") }
        }
    }

    private func subject(_ description: String, _ more: [Setting] = []) -> InspectionSubject {
        InspectionSubject(
            title: URL(filePath: checkpoint).lastPathComponent, description: description,
            settings: [Setting("batches", "\(batches)"), Setting("seed", "\(seed)")] + more)
    }

    /// A task's model on batches of the task's data: that of a run, or a GPT by what its file says.
    private func saved() throws -> (ModelInspection, InspectionSubject) {
        let place = try SavedModel(at: checkpoint)
        if let task = try place.task.map(TaskRegistry.task) { return try inspect(task, place) }
        let model = try GPTFile.read(place.weights)
        let batch = LanguageOptions().batch
        return try inspect(
            LanguageTask(model.configuration, corpus: try Corpus.text(at: text), batch: batch), model, place)
    }

    private func inspect<Task: ConfigurableTask>(
        _: Task.Type, _ place: SavedModel
    ) throws -> (ModelInspection, InspectionSubject) {
        var layers =
            try place.configuration.map { [try ConfigurationLayer(tomlFile: $0, followingLinks: false)] }
            ?? []
        if !text.isEmpty { layers.append(ConfigurationLayer(.commandLine, [("data.text", text)])) }
        let task = try Task(try ResolvedConfiguration<Task.Options>(layers).value.task)
        let model = try task.makeModel(seed: seed)
        try model.load(from: place.weights)
        return try inspect(task, model, place)
    }

    private func inspect<Task: TrainingTask>(
        _ task: Task, _ model: Task.Model, _ place: SavedModel
    ) throws -> (ModelInspection, InspectionSubject) {
        var stream = try task.makeBatches(seed: seed)
        var inspector = try ModelInspector(of: model, samples: samples, seed: seed)
        for _ in 0..<batches {
            try Interruption.poll()
            let batch = try stream.next()
            try inspector.add(task.objective(of: model, on: batch), units: batch.unitCount)
        }
        return (
            try inspector.inspection(),
            subject(task.summary.description, [Setting("weights", place.weights)])
        )
    }

    /// A plain network on the samples of files.
    private func plain() throws -> (ModelInspection, InspectionSubject) {
        guard let model, let inputs, let targets else { preconditionFailure("validated") }
        let plain = try PlainNetwork(model: model, weights: checkpoint)
        var inspector = try ModelInspector(of: plain.network, samples: samples, seed: seed)
        for batch in try plain.batches(inputs: inputs, targets: targets, count: batches) {
            try Interruption.poll()
            try inspector.add(plain.objective(batch), units: batch.unitCount)
        }
        return (
            try inspector.inspection(),
            subject(
                "\(plain.specification.likelihood) network of \(model) on the samples of \(inputs)"
            )
        )
    }
}
