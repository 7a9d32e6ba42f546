import ArgumentParser
import Fisher
import FisherTasks
import FisherTraining
import Foundation

/// `fisher convert`: PyTorch's models as ours, and ours as PyTorch's.
struct Convert: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "convert", abstract: "Turn a PyTorch model into a network of this program, and back.",
        discussion: """
            Reads the state_dict of an nn.Sequential, saved by safetensors.torch.save_file, that of a residual \
            network with torchvision's names, or the folder of a GPT-2 that the transformers library saved; and \
            writes FOLDER/network.json and FOLDER/weights.safetensors, which information, inspect and others take \
            as --model and --weights.

            A state_dict holds names and numbers, no layers. What its names and shapes do not tell, such as \
            activations and strides, is not guessed: without --output the command says what it found and what \
            is missing, and --layers gives it, the sizes left to the file:

            fisher convert mlp.safetensors --activation relu --likelihood categorical --output mlp
            fisher convert cnn.safetensors --layers "conv2d(padding=1) batch_norm relu max_pool2d(2) flatten \
            linear" --likelihood categorical --output cnn
            fisher convert net.safetensors --layers "fc1:linear tanh fc2:linear" --likelihood gaussian --output net

            Layers are called as in a description, or as PyTorch's classes. The word before a colon is the name \
            in the file, for modules that are not numbered. --to-pytorch is the way back, from a run, a checkpoint, a \
            folder that this command wrote, or a description with --weights: it writes the state_dict of the \
            same nn.Sequential, torchvision's names for its residual networks, and a folder for transformers for a GPT.
            """)

    @Argument(
        help:
            "A safetensors file, an index of shards, a folder of transformers, or a network of this program: a run, a checkpoint, a folder or description."
    )
    var source: String
    @Option(help: "The folder to write, for this program.")
    var output: String?
    @Option(
        name: .customLong("to-pytorch"),
        help: "The safetensors file to write, for load_state_dict; for a GPT the folder, for from_pretrained."
    )
    var toPyTorch: String?
    @Option(help: "The layers of a state_dict, one after another.")
    var layers: String?
    @Option(help: "The same as a description in JSON, in which sizes may be left out.")
    var skeleton: String?
    @Option(help: "The layer in every gap of a state_dict that has no convolutions, such as relu.")
    var activation: String?
    @Option(help: "The likelihood whose parameters the outputs are: a name, or JSON with options.")
    var likelihood: String?
    @Option(help: "The weights of a description of this program.")
    var weights: String?
    @Flag(help: "Replace files that are there.")
    var force = false

    func validate() throws {
        if output != nil, toPyTorch != nil {
            throw ValidationError("--output and --to-pytorch are opposite ways: give one.")
        }
        let given = [("--layers", layers), ("--skeleton", skeleton), ("--activation", activation)]
            .filter { $0.1 != nil }.map(\.0)
        guard given.count < 2 else {
            throw ValidationError("\(given.joined(separator: " and ")) say the same thing: give one.")
        }
    }

    func run() throws {
        try requireApart(
            ["--output": output, "--to-pytorch": toPyTorch],
            from: ["source": source, "--weights": weights, "--skeleton": skeleton])
        if let path = output ?? toPyTorch, !force,
            try DurableStorage.kind(of: path, followingLinks: false) != nil
        {
            throw StorageError(
                .cannotCreate, path: path, reason: "is already there: --force replaces its files")
        }
        let found = try ConvertibleModel(at: source, weights: weights)
        switch found {
        case .state(let files): try convert(files)
        case .transformers(let folder): try convert(folder)
        case .network(let plain):
            try refuseState()
            try convert(plain)
        case .gpt(let model):
            try refuseState()
            try convert(model)
        }
    }

    /// Throws for options that complete a state_dict where there is none.
    private func refuseState() throws {
        let given = [
            ("--layers", layers), ("--skeleton", skeleton), ("--activation", activation),
            ("--likelihood", likelihood),
        ]
        if let first = given.first(where: { $0.1 != nil }) {
            throw UsageError(description: "\(first.0) completes a state_dict, which \(source) is not")
        }
    }

    // A state_dict of PyTorch.

    private func convert(_ files: SafetensorsShards) throws {
        if toPyTorch != nil {
            throw UsageError(
                description: "--to-pytorch: \(source) holds no network of this program, but a state_dict")
        }
        let state = try StateDictionary(files)
        let tensors = files.tensors.filter { !$0.name.hasSuffix("num_batches_tracked") }
        let numbers = tensors.reduce(0.0) { sum, entry in sum + entry.shape.reduce(1.0) { $0 * Double($1) } }
        say("\(source): \(tensors.count) tensors of \(String(format: "%.0f", numbers)) numbers")
        guard let network = try network(state) else { return }
        _ = try LikelihoodRegistry.likelihood(of: network.specification)
        let dtype: DType = tensors.contains { $0.dtype == .float64 } ? .float64 : .float32
        let weights = try network.weights(from: files, dtype: dtype)
        let made = try network.specification.makeNetwork(dtype: dtype, weights: weights)
        say("network: \(network.text)")
        for note in network.notes { say("note: \(note)") }
        try write(made, of: network.specification)
    }

    /// The network of a state_dict; nil after its questions were printed because nothing is to be written.
    private func network(_ state: StateDictionary) throws -> ConvertedNetwork? {
        let given = try drafts()
        if let activation {
            _ = try Self.asUsage { () throws(ConversionError) in
                try LayerDraft.list(text: activation, place: "--activation")
            }
        }
        switch try StateNetwork(
            state, layers: given?.layers, activation: activation,
            likelihood: try likelihoodJSON() ?? given?.likelihood)
        {
        case .known(let network): return network
        case .asked(let layers, let question):
            guard output == nil else { throw UsageError(description: "\(source): \(question)") }
            say("layers: \(layers)")
            say(question)
            return nil
        }
    }

    /// Does what reads an option's text, whose errors are mistakes of use.
    private static func asUsage<Result>(_ body: () throws(ConversionError) -> Result) throws -> Result {
        do throws(ConversionError) { return try body() } catch {
            throw UsageError(description: error.description)
        }
    }

    private func drafts() throws -> (layers: [LayerDraft], likelihood: JSONValue?)? {
        if let layers {
            let drafts = try Self.asUsage { () throws(ConversionError) in try LayerDraft.list(text: layers) }
            return (drafts, nil)
        }
        guard let skeleton else { return nil }
        return try LayerDraft.skeleton([UInt8](DurableStorage.readFile(at: skeleton)), path: skeleton)
    }

    private func likelihoodJSON() throws -> JSONValue? {
        guard let likelihood else { return nil }
        guard likelihood.hasPrefix("{") else { return .text(likelihood) }
        do {
            return try JSONDecoder().decode(JSONValue.self, from: Data(likelihood.utf8))
        } catch { throw UsageError(description: "--likelihood \(likelihood) is neither a name nor JSON") }
    }

    // A folder of transformers.

    private func convert(_ folder: GPT2Folder) throws {
        try refuseState()
        let sizes = folder.configuration
        say(
            "\(source): a GPT-2 of width \(sizes.width), \(sizes.layers) layers, \(sizes.heads) heads, context "
                + "\(sizes.context), \(sizes.vocabulary) tokens, \(String(format: "%.0f", sizes.parameterCount)) numbers"
        )
        for note in folder.notes { say("note: \(note)") }
        if toPyTorch != nil {
            throw UsageError(description: "--to-pytorch: \(source) is a folder of transformers already")
        }
        guard let output else { return }
        let model = try folder.makeModel(using: try RandomGenerator(seed: 0))
        let metadata = try SavedLanguageModel.metadata(ofFolder: source, sizes)
        try ModelFolder.write(to: output, replacing: force) { place in
            try model.save(to: "\(place)/\(PlainNetwork.weightsName)", metadata: metadata)
        }
        say("written: \(output)/\(PlainNetwork.weightsName)")
    }

    // Networks of this program.

    private func convert(_ plain: PlainNetwork) throws {
        say("network: \(ResNet(plain.specification)?.text ?? plain.specification.layersText)")
        guard let toPyTorch else { return try write(plain.network, of: plain.specification) }
        let residual = ResNet(plain.specification)
        let names = try residual?.names() ?? .sequential(plain.specification)
        let sources = try names.sources(from: plain.network.weights) + names.batchCounters()
        try SafetensorsWriter().write(sources, to: toPyTorch)
        if let residual {
            say("names: torchvision's resnet\(residual.depth.rawValue), \(residual.stem.rawValue) stem")
        } else {
            say("names: an nn.Sequential's, by position")
            let others = plain.specification.layersWithoutCounterpart
            if !others.isEmpty {
                say(
                    "note: nn.Sequential has no layer for \(others.joined(separator: ", ")), whose tensors have the "
                        + "names that they have here")
            }
        }
        say("written: \(toPyTorch), \(sources.count) tensors")
    }

    private func write(_ network: Sequential, of specification: NetworkSpecification) throws {
        guard let output else { return }
        let json = StoredJSON.encode(specification)
        let metadata = [
            PlainNetwork.metadataKey: String(
                decoding: StoredJSON.encode(specification, indented: false), as: UTF8.self)
        ]
        try ModelFolder.write(to: output, replacing: force) { place in
            try network.save(to: "\(place)/\(PlainNetwork.weightsName)", metadata: metadata)
            try DurableStorage.replaceFile(at: "\(place)/\(PlainNetwork.descriptionName)", with: json)
        }
        say("written: \(output)/\(PlainNetwork.descriptionName), \(output)/\(PlainNetwork.weightsName)")
    }

    private func convert(_ model: GPT) throws {
        let sizes = model.configuration
        say(
            "network: a GPT of width \(sizes.width), \(sizes.layers) layers, \(sizes.heads) heads, context "
                + "\(sizes.context), \(sizes.vocabulary) tokens")
        guard let toPyTorch else {
            if output == nil { return }
            throw UsageError(
                description:
                    "\(source) is a GPT of this program: --to-pytorch FOLDER writes it for transformers")
        }
        for name in try LanguageExport.write(source, to: toPyTorch, replacing: force) {
            say("written: \(toPyTorch)/\(name)")
        }
    }
}
