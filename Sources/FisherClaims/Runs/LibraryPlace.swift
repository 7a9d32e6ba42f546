import Fisher
import FisherFiles
import FisherOptions
import FisherStudies
import FisherTraining

/// A problem and an optimizer as a library keeps them: the configuration of their runs, and the folders that it names.
struct LibraryPlace<Task: ConfigurableTask> {
    /// The configuration of the problem; its optimizer section gives the schedule's shape and the clipping.
    let configuration: RunConfiguration<Task.Options>
    /// The optimizer at the arm's first rate, named after all that it differs in from its rule's defaults.
    let candidate: OptimizerCandidate
    /// The problem's folder, in the library's.
    let problemFolder: String
    /// The arm's folder, in the problem's.
    let armFolder: String

    /// Resolves a problem and an arm.
    ///
    /// - Throws: `ConfigurationError` or `HyperparameterError`, with the problem's name, for what the task or the rule rejects.
    init(_ problem: Problem, _ arm: Arm) throws {
        let resolved: ResolvedConfiguration<Task.Options>
        do throws(ConfigurationError) {
            resolved = try Self.resolve(problem)
        } catch {
            throw ConfigurationError("problem \(problem.name): \(error)")
        }
        var whole = resolved.value
        whole.optimizer.learningRate = "\(arm.rates[0])"
        configuration = whole
        let schedule = try whole.optimizer.learningRate(steps: whole.training.steps)
        guard let specification = OptimizerSpecification(argument: arm.optimizer) else {
            throw ConfigurationError("\(arm.optimizer) is no optimizer with options: rule:option=value,…")
        }
        let shared =
            [("learning_rate", "\(schedule)")]
            + whole.optimizer.ruleSettings.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        let named = try specification.candidate(
            sharing: shared, clip: whole.optimizer.clipGradientNorm
        ).setting([Setting("learning_rate", "\(arm.rates[0])")])
        candidate = OptimizerCandidate(rule: named.rule, clipGradientNorm: named.clipGradientNorm)
        problemFolder = Self.problemFolder(problem, resolved)
        armFolder = Self.armFolder(candidate)
    }

    /// What kept runs do not need: events for TensorBoard, checkpoints besides the last and the best.
    private static var base: ConfigurationLayer {
        ConfigurationLayer(
            .standard,
            [
                ("checkpoints.keep", ["1"]), ("checkpoints.seconds", ["10"]), ("log.histograms", ["false"]),
                ("log.tensorboard", ["false"]),
            ])
    }

    private static func resolve(
        _ problem: Problem
    ) throws(ConfigurationError) -> ResolvedConfiguration<Task.Options> {
        var layers = [base]
        if let preset = problem.preset ?? Task.presets.first?.name { layers.append(try Task.preset(preset)) }
        let lists = Set(
            RunConfiguration<Task.Options>.options.filter { $0.declaration.form == .list }.map(\.name))
        layers.append(
            ConfigurationLayer(
                .commandLine,
                problem.settings.map { setting in
                    let isList = lists.contains(setting.name)
                    return (
                        setting.name,
                        isList ? setting.value.split(separator: ",").map(String.init) : [setting.value]
                    )
                }))
        return try ResolvedConfiguration(layers)
    }

    /// The optimizer's section names no problem: what of it the runs take is in their arm. Nor do the seed, and what changes
    /// no number of a run.
    private static func problemFolder(
        _ problem: Problem, _ resolved: ResolvedConfiguration<Task.Options>
    ) -> String {
        let values = resolved.tomlValues.filter { key, _ in
            !key.hasPrefix("optimizer.") && !key.hasPrefix("checkpoints.")
                && !["training.seed", "training.threads", "log.every", "log.histograms", "log.tensorboard"]
                    .contains(key)
        }
        let name = ([Task.name] + [problem.preset].compactMap(\.self)).joined(separator: "-")
        return name + "-" + digest(values.sorted { $0.key < $1.key }.map { "\($0.key) = \($0.value)" })
    }

    /// The rate apart, which has a folder of its own.
    private static func armFolder(_ candidate: OptimizerCandidate) -> String {
        var rule = candidate.rule
        rule.learningRate = rule.learningRate.scaled(toPeak: 1)
        let shape = OptimizerCandidate(rule: rule, clipGradientNorm: candidate.clipGradientNorm)
        return StudyDirectory.slug(candidate.label) + "-"
            + digest(shape.options.map { "\($0.name) = \($0.value)" })
    }

    private static func digest(_ lines: [String]) -> String {
        String(SHA256.of(lines.joined(separator: "\n").utf8).prefix(8))
    }
}
