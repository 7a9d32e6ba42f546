import ArgumentParser
import Fisher

/// `fisher step`: applies a rule to tensors from files, so that anyone can check it.
struct Step: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Apply a rule to tensors from safetensors files, one step a gradient file.",
        discussion: """
            Gradient files hold tensors under the names of the parameters. The options, weight decay among \
            them, apply to every tensor. float64 parameters are computed in float64, all others in float32.
            """)

    @Option(help: "The rule; `fisher optimizers` lists them.")
    var optimizer: String
    @Option(name: .customLong("set"), parsing: .singleValue, help: "option=value, repeatable.")
    var settings: [SettingArgument] = []
    @Option(help: "The safetensors file of the parameters.")
    var parameters: String
    @Option(parsing: .upToNextOption, help: "The safetensors files of the gradients, one a step.")
    var gradients: [String]
    @Option(help: "Where the moved parameters are written.")
    var output: String
    @Option(help: "A saved state to start from.")
    var state: String?
    @Option(help: "Where the state after the last step is written.")
    var saveState: String?
    @Option(help: "Clip the norm of the whole gradient.")
    var clipGradientNorm: Double?
    @Option(help: "automatic: the fused path where there is one; formula: tensor operations.")
    var execution: Execution = .automatic

    func run() throws {
        var rule = try RuleRegistry.rule(named: optimizer)
        for setting in settings { try rule.set(setting.name, to: setting.value) }
        let file = try SafetensorsFile(path: parameters)
        let named = try file.tensors.map { entry in
            let tensor = try file.tensor(named: entry.name)
            guard tensor.dtype.isFloatingPoint else {
                throw SafetensorsError(
                    .malformed, path: parameters, tensor: entry.name,
                    reason: "has type \(tensor.dtype); rules move floating-point tensors only")
            }
            return NamedParameter(
                path: ParameterPath(components: [entry.name]), parameter: Parameter(wrappedValue: tensor))
        }
        let bound = try Optimizer(
            parameters: named, groups: [ParameterGroup(.rest, rule, decaying: .all)],
            clipGradientNorm: clipGradientNorm, execution: execution)
        if let state { try bound.restore(try SafetensorsFile(path: state).allTensors()) }
        for path in gradients { try bound.update(with: try stepGradients(path, for: named)) }
        try write(
            named.map { ("\($0.path)", $0.parameter.wrappedValue) }, to: output, metadata: file.metadata)
        if let saveState {
            try write(bound.state.sorted { $0.key < $1.key }, to: saveState, metadata: ["rule": optimizer])
        }
    }

    /// One step's gradients: exactly the parameters' names.
    private func stepGradients(_ path: String, for named: [NamedParameter]) throws -> [ParameterPath: Tensor]
    {
        let file = try SafetensorsFile(path: path)
        var found: [ParameterPath: Tensor] = [:]
        for parameter in named { found[parameter.path] = try file.tensor(named: "\(parameter.path)") }
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
