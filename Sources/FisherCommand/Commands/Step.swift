import ArgumentParser
import Fisher
import FisherData
import FisherTasks
import FisherTraining

/// `fisher step`: applies a rule to tensors from files, to compare with other implementations.
struct Step: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "step",
        abstract: "Apply a rule to tensors from safetensors files, to compare with other implementations.",
        usage: """
            fisher step --optimizer <optimizer> --parameters <file> --gradients <file> ... --output <file>
            fisher step --optimizer <optimizer> --model <json> --weights <file> --batches <file> ... \
            --output <file>
            """,
        discussion: """
            With parameters and gradients: one step a gradient file, which holds tensors under the names of the \
            parameters. float64 parameters are computed in float64, all others in float32.

            With a model: one step a batch file, which holds `inputs` and `targets`. The network is described \
            as for `fisher information`, its weights are named by position (0.weight, 0.bias, 2.weight), and \
            it is computed in the type of its weights. Rules that need more than gradients need this. A batch file may \
            also hold the draws of a rule that draws directions, as `draws/<number>/<parameter>`, numbers counted from \
            0: signs for adahessian, standard normal numbers for ivon. NumPy's savez(FILE, inputs=..., targets=...) \
            writes a batch file too.

            The options, weight decay among them, apply to every tensor.

            --output may name the file of the parameters or weights, and --save-state that of the state: they are \
            then replaced, once everything has been computed. No other input is overwritten. If an update would not \
            be finite the command ends with 3 and writes nothing.
            """)

    @Option(help: "The rule; `fisher optimizers` lists them.")
    var optimizer: String
    @Option(name: .customLong("set"), parsing: .singleValue, help: "option=value, repeatable.")
    var settings: [SettingArgument] = []
    @Option(help: "The safetensors file of the parameters.")
    var parameters: String?
    @Option(parsing: .upToNextOption, help: "The safetensors files of the gradients, one per step.")
    var gradients: [String] = []
    @Option(help: "The network's description, JSON.")
    var model: String?
    @Option(help: "The safetensors file of its weights.")
    var weights: String?
    @Option(parsing: .upToNextOption, help: "The safetensors or .npz files of the batches, one per step.")
    var batches: [String] = []
    @Option(help: "Seed of labels that are drawn from the model.")
    var seed: UInt64 = 0
    @Option(help: "Where the moved parameters are written.")
    var output: String
    @Option(help: "A saved state to start from.")
    var state: String?
    @Option(help: "Where the state after the last step is written.")
    var saveState: String?
    @Option(help: "Clip the norm of the whole gradient.")
    var clipGradientNorm: Double?
    @Option(help: "Clip the norm of the whole gradient in the information that the rule keeps.")
    var clipFisherNorm: Double?
    @Option(help: "automatic: the fused path where there is one; formula: tensor operations.")
    var execution: Execution = .automatic

    func validate() throws {
        let onTensors = parameters != nil && !gradients.isEmpty
        let onModel = model != nil && weights != nil && !batches.isEmpty
        let parts = [parameters, model, weights].compactMap(\.self).count
        guard onTensors && parts == 1 && batches.isEmpty || onModel && parts == 2 && gradients.isEmpty else {
            throw ValidationError(
                "fisher step needs either --parameters and --gradients, or --model, --weights and --batches")
        }
    }

    func run() throws {
        try requireApart(
            ["--output": output, "--save-state": saveState],
            from: [
                "--parameters": parameters, "--weights": weights, "--model": model, "--state": state,
            ], lists: ["--gradients": gradients, "--batches": batches],
            replacing: ["--output": ["--parameters", "--weights"], "--save-state": ["--state"]])
        for path in [output, saveState].compactMap(\.self) { try FileWriter.check(path) }
        var rule = try RuleRegistry.rule(named: optimizer)
        for setting in settings { try rule.set(setting.name, to: setting.value) }
        let group = ParameterGroup(.rest, rule, decaying: .all)
        if let model, let weights {
            try run(on: PlainNetwork(model: model, weights: weights), group)
        } else if let parameters {
            if (rule as? any CurvatureRule)?.needsBatch ?? false {
                throw UsageError(
                    description:
                        "the rule \(optimizer) needs more than gradients: give --model, --weights and --batches"
                )
            }
            try run(on: parameters, group)
        }
    }

    /// Steps on batches of a model.
    private func run(on plain: PlainNetwork, _ group: ParameterGroup) throws {
        let bound = try Optimizer(
            for: plain.network, groups: [group], clipGradientNorm: clipGradientNorm,
            clipFisherNorm: clipFisherNorm, execution: execution,
            labelSeed: seed)
        if let state { try bound.restore(try SafetensorsFile(path: state).allTensors()) }
        for path in batches {
            // An archive of NumPy has no draws.
            if try !DataReader.isArchive(path, of: ["inputs", "targets"]) {
                let file = try SafetensorsFile(path: path)
                try bound.draws?.given += draws(in: file, for: plain.network.parameters)
                for name in ["inputs", "targets"] { _ = try file.tensor(named: name) }
            }
            let batch = try plain.batch(inputs: path, targets: path)
            try bound.step(on: batch) { try plain.objective($0) }
        }
        try finish(bound, plain.network.parameters, metadata: [:])
    }

    /// The draws that a batch file holds, in the order in which a rule takes them.
    private func draws(in file: SafetensorsFile, for named: [NamedParameter]) throws -> [Tensor] {
        var found: [Tensor] = []
        for number in 0... {
            let prefix = "draws/\(number)/"
            guard file.tensors.contains(where: { $0.name.hasPrefix(prefix) }) else { break }
            for parameter in named { found.append(try file.tensor(named: prefix + "\(parameter.path)")) }
        }
        return found
    }

    /// Steps on gradients from files.
    private func run(on parameters: String, _ group: ParameterGroup) throws {
        let file = try SafetensorsFile(path: parameters)
        let named = try file.tensors.map { entry in
            let tensor = try file.tensor(named: entry.name)
            guard tensor.dtype.isFloatingPoint else {
                throw SafetensorsError(
                    .malformed, path: parameters, tensor: entry.name,
                    reason: "has type \(tensor.dtype); rules move floating-point tensors only")
            }
            if let reason = try tensor.nonFiniteElement() {
                throw SafetensorsError(.malformed, path: parameters, tensor: entry.name, reason: reason)
            }
            return NamedParameter(
                path: ParameterPath(components: [entry.name]), parameter: Parameter(wrappedValue: tensor))
        }
        let bound = try Optimizer(
            parameters: named, groups: [group], clipGradientNorm: clipGradientNorm,
            clipFisherNorm: clipFisherNorm, execution: execution)
        if let state { try bound.restore(try SafetensorsFile(path: state).allTensors()) }
        for path in gradients { try bound.update(with: try stepGradients(path, for: named, of: parameters)) }
        try finish(bound, named, metadata: file.metadata)
    }

    private func finish(
        _ bound: Optimizer, _ named: [NamedParameter], metadata: [String: String]
    ) throws {
        try write(named.map { ("\($0.path)", $0.parameter.wrappedValue) }, to: output, metadata: metadata)
        if let saveState {
            try write(bound.state.sorted { $0.key < $1.key }, to: saveState, metadata: ["rule": optimizer])
        }
    }

    /// One step's gradients: exactly the parameters' names.
    private func stepGradients(
        _ path: String, for named: [NamedParameter], of parameters: String
    ) throws -> [ParameterPath: Tensor] {
        let file = try SafetensorsFile(path: path)
        var found: [ParameterPath: Tensor] = [:]
        for parameter in named {
            let name = parameter.path.components.joined()
            let gradient = try file.tensor(named: name)
            guard gradient.dtype.isFloatingPoint else {
                throw SafetensorsError(
                    .malformed, path: path, tensor: name,
                    reason: "has type \(gradient.dtype); gradients are floating-point numbers")
            }
            found[parameter.path] = gradient
        }
        if let extra = file.tensors.first(where: { found[ParameterPath(components: [$0.name])] == nil }) {
            throw SafetensorsError(
                .malformed, path: path, tensor: extra.name, reason: "belongs to no parameter of \(parameters)"
            )
        }
        return found
    }

    private func write(_ tensors: [(String, Tensor)], to path: String, metadata: [String: String]) throws {
        let sources = try tensors.map { try SafetensorsSource(name: $0.0, tensor: $0.1.detached()) }
        try SafetensorsWriter(metadata: metadata).write(sources, to: path)
    }
}

extension Execution: ExpressibleByArgument {}
