import ArgumentParser
import Fisher
import FisherReports
import FisherTasks
import FisherTraining
import Foundation

/// `fisher inspect`: the Fisher information of a model, layer by layer.
struct Inspect: DeviceCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Show a model's Fisher information by layer, from a run, a checkpoint or files.",
        discussion: """
            A run or a checkpoint of fisher train, compare, ablate or continual is inspected on batches of its own \
            data. Any other file of weights needs --inputs and --targets, and --model unless fisher wrote it.

            The first table is of each layer's true block, computed from the Gram matrix of the units' gradients: rank, \
            effective rank, the diagonal's share of the squared norm, the relative error of the structures that stand \
            for it (diagonal, K-FAC, EKFAC; "!" where a matrix of zeros would be nearer), and the cosine of the \
            empirical information (the data's labels) to the true one (labels of the model's own) with the error of \
            the draws. Then follow what lies between layers, how far the sample limits what can be said of the \
            spectra, effective parameters and Takeuchi's penalty by damping, and K-FAC's surrogate under its own name.

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
        help: ArgumentHelp(
            "Draws of labels per batch for the true information; 0: its closed form, a pass for each output. By "
                + "default the closed form up to \(ModelInspector.closedFormPasses) passes, otherwise "
                + "\(ModelInspector.draws) draws."))
    var samples: Int?
    @Option(
        help: ArgumentHelp(
            "The most rows of a Gram matrix, units times passes: the first units of the batches are taken. By default "
                + "\(ModelInspector.mostRows), fewer for models of more than some 50,000 parameters."))
    var rows: Int?
    @Option(
        help:
            "Write a page with spectra, heat maps of K-FAC's factors and a map of the least-informed parameters."
    )
    var report: String?
    @Option(help: "The title of the page; by default the last part of the path.")
    var title: String?
    @OptionGroup var figures: FigureArguments
    @Flag(help: "Print JSON instead of the table.")
    var json = false
    @OptionGroup var place: DeviceArguments

    func validate() throws {
        try requirePositive(["batches": batches, "rows": rows ?? 1])
        guard rows ?? 1 <= Self.mostRows else {
            throw ValidationError("--rows must be at most \(Self.mostRows), not \(rows ?? 0).")
        }
        guard samples ?? 0 >= 0 else { throw ValidationError("--samples must not be negative.") }
        guard (inputs == nil) == (targets == nil), model == nil || inputs != nil else {
            throw ValidationError("--model, --inputs and --targets belong together.")
        }
        guard inputs == nil || text.isEmpty else {
            throw ValidationError("--text is for language models, --inputs for plain networks.")
        }
    }

    /// What is being computed: on a terminal a line that is overwritten, elsewhere a line every twenty seconds.
    private final class Status {
        private let output = ProgressOutput.standardError()
        private var last = ContinuousClock.now

        func show(_ text: String) {
            if output.isTerminal {
                output.write("\r\u{1B}[K" + String(text.printable.prefix(output.width() - 1)))
            } else if !text.isEmpty, last.duration(to: .now) > .seconds(20) {
                output.write(text.printable + "\n")
                last = .now
            }
        }
    }

    /// Gram matrices of more rows take more than 2 GiB each.
    private static let mostRows = 16_384

    func compute() throws {
        // Nothing is kept, so that Ctrl-C may end the process at once, in the middle of a pass too.
        let status = Status()
        // An invalid path of the page is reported before the work, not after it.
        try figures.check(page: ("--report", report))
        if let name = figures.figureName, name.wholeMatch(of: /(block|layer)-\d+/) == nil {
            try figures.check(among: ["least", "block-0", "layer-0"])
        }
        let (inspection, subject) = try inputs == nil ? saved(status) : plain(status)
        status.show("")
        let document = InspectionDocument(inspection, of: subject)
        let drawn =
            figures.figure == nil ? [] : try InspectionReport(inspection, of: subject).figures()
        try figures.check(among: drawn.map(\.name))
        if json {
            print(String(decoding: document.json(), as: UTF8.self), terminator: "")
        } else {
            say(paragraph(subject.description))
            print(shown(document), terminator: "")
        }
        if let report {
            try InspectionReport(inspection, of: subject).write(to: report)
            if !json { say("report: \(URL(filePath: report).path)") }
        }
        try figures.write(figures: drawn, table: document.overview, quietly: json)
    }

    private func subject(_ description: String, _ more: [Setting] = []) -> InspectionSubject {
        InspectionSubject(
            title: title ?? URL(filePath: checkpoint).lastPathComponent, description: description,
            settings: [Setting("batches", "\(batches)"), Setting("seed", "\(seed)")] + more)
    }

    /// A task's model on batches of the task's data: that of a run, or a GPT by what its file says.
    private func saved(_ status: Status) throws -> (ModelInspection, InspectionSubject) {
        try refuseStudy()
        let place = try SavedModel(at: checkpoint)
        if let run = try place.run, let task = try ContinualTask(of: run, in: checkpoint) {
            let model = try task.makeModel(seed: seed)
            try model.load(from: place.weights)
            return try inspect(task, model, place, try task.inspectionBatches(seed: seed), status)
        }
        if let task = try place.task.map(TaskRegistry.task) { return try inspect(task, place, status) }
        if try SafetensorsFile(path: place.weights).metadata[PlainNetwork.metadataKey] != nil {
            throw UsageError(
                description:
                    "\(checkpoint) is of a plain network without a run: give the samples to inspect it on with "
                    + "--inputs and --targets")
        }
        let model = try GPTFile.read(place.weights)
        if model.configuration.vocabulary != 256 {
            throw UsageError(
                description:
                    "\(checkpoint) is of a GPT over the tokens of a tokenizer: inspect the run or a checkpoint in it"
            )
        }
        let batch = LanguageOptions().batch
        let task = try LanguageTask(model.configuration, corpus: try Corpus.text(at: text), batch: batch)
        return try inspect(task, model, place, try task.makeBatches(seed: seed), status)
    }

    /// Throws for the folder of a study, with one of its runs: none of them is the study's model.
    private func refuseStudy() throws {
        guard try DurableStorage.kind(of: checkpoint + "/results.json", followingLinks: true) != nil,
            let run = try RunDirectory.runs(under: checkpoint).first
        else { return }
        throw StorageError(
            .notFound, path: checkpoint,
            reason: "holds several runs: inspect one of them, such as \(run.path)")
    }

    private func inspect<Task: ConfigurableTask>(
        _: Task.Type, _ place: SavedModel, _ status: Status
    ) throws -> (ModelInspection, InspectionSubject) {
        var layers =
            try place.configuration.map { [try ConfigurationLayer(tomlFile: $0, followingLinks: false)] }
            ?? []
        if !text.isEmpty { layers.append(ConfigurationLayer(.commandLine, [("data.text", text)])) }
        let task = try Task(try ResolvedConfiguration<Task.Options>(layers).value.task)
        let model = try task.makeModel(seed: seed)
        try model.load(from: place.weights)
        return try inspect(task, model, place, try task.makeBatches(seed: seed), status)
    }

    private func inspect<Task: TrainingTask>(
        _ task: Task, _ model: Task.Model, _ place: SavedModel, _ batches: some BatchStream<Task.Batch>,
        _ status: Status
    ) throws -> (ModelInspection, InspectionSubject) {
        var stream = batches
        var inspector = try ModelInspector(of: model, samples: samples, rows: rows, seed: seed)
        for number in 1...self.batches {
            status.show("batch \(number) of \(self.batches)")
            let batch = try stream.next()
            try inspector.add(task.objective(of: model, on: batch), units: batch.unitCount)
        }
        return (
            try inspector.inspection { status.show("the block of \($0)") },
            subject(task.summary.description, [Setting("weights", place.weights)])
        )
    }

    /// A plain network on the samples of files.
    private func plain(_ status: Status) throws -> (ModelInspection, InspectionSubject) {
        guard let inputs, let targets else { preconditionFailure("validated") }
        let plain =
            try model.map { try PlainNetwork(model: $0, weights: checkpoint) }
            ?? PlainNetwork(describedIn: SavedModel(at: checkpoint).weights)
        var inspector = try ModelInspector(of: plain.network, samples: samples, rows: rows, seed: seed)
        for batch in try plain.batches(inputs: inputs, targets: targets, count: batches) {
            status.show("a batch of \(batch.unitCount) samples")
            try inspector.add(plain.objective(batch), units: batch.unitCount)
        }
        return (
            try inspector.inspection { status.show("the block of \($0)") },
            subject(
                "\(plain.specification.likelihood) network of \(model ?? checkpoint) on the samples of \(inputs)"
            )
        )
    }
}
