import Fisher
import FisherOptions
import FisherStudies

/// The `[comparison]` section: which optimizers are compared, how they are tuned, from how many seeds, and what is decided.
package struct ComparisonConfiguration: ConfigurableOptions {
    /// The optimizers, the first the baseline: `adamw:clip_gradient_norm=1`; of an ablation the one that is varied.
    @Configurable("comparison.optimizers", "the optimizers, the first the baseline")
    package var optimizers: [String] = []
    /// The values of options that an ablation tries: `rho=0.5,1`.
    @Configurable("comparison.options", "values of options that an ablation tries: option=v1,v2")
    package var axes: [String] = []
    /// Learning rates to tune with: `fadam=1e-3,2e-3`.
    @Configurable("comparison.learning_rates", "learning rates to tune with: NAME=v1,v2, or all=v1,v2")
    package var learningRates: [String] = []
    /// Other options to tune: `fadam.beta2=0.99,0.999`.
    @Configurable("comparison.tune", "other options to tune: NAME.option=v1,v2")
    package var tune: [String] = []
    /// The number of seeds.
    @Configurable("comparison.seeds", .between(1, 1_000_000), "seeds of each optimizer")
    package var seeds = 5
    /// The first seed.
    @Configurable("comparison.first_seed", .nonNegative, "the first seed")
    package var firstSeed: UInt64 = 0
    /// Seeds of each trial.
    @Configurable("comparison.tuning_seeds", .between(1, 1_000_000), "seeds of each trial of a tuning")
    package var tuningSeeds = 3
    /// How far a grid may grow.
    @Configurable("comparison.extensions", .between(0, 100), "the most values by which a grid grows")
    package var extensions = 4
    /// Which hyperparameters the optimizers after the first take.
    @Configurable("comparison.protocol", "hyperparameters of the optimizers after the first")
    package var hyperparameters = HyperparameterPolicy.own
    /// Whether optimizers may be tuned with different numbers of trials.
    @Configurable("comparison.unequal_budgets", "allow different numbers of trials")
    package var unequalBudgets = false
    /// Seeds of a pilot; nil for a comparison.
    @Configurable("comparison.pilot", .between(2, ReservedSeeds.most), "seeds of a pilot")
    package var pilot: Int? = nil
    /// Whether a pilot runs all optimizers.
    @Configurable("comparison.pilot_all", "all optimizers in the pilot")
    package var pilotAll = false
    /// The differences that are to be found, in nats.
    @Configurable("comparison.differences", "differences that a pilot is to find, in nats")
    package var differences: [String] = []
    /// The probabilities of finding them.
    @Configurable("comparison.power", "probabilities of finding them")
    package var power: [String] = []
    /// The validation loss whose first crossing is timed.
    @Configurable("comparison.target", "a validation loss, in nats, that runs are timed to")
    package var target: Double? = nil
    /// The largest difference that is called none.
    @Configurable("comparison.margin", .positive, "the largest difference, in nats, that is called none")
    package var margin: Double? = nil
    /// Whose variance the intervals use.
    @Configurable("comparison.variances", "own or pooled")
    package var variances = VarianceModel.own

    /// The defaults.
    package init() {}

    /// Options of a pilot without one, and numbers that are none.
    package var inconsistency: OptionError? {
        func error(_ option: String, _ value: String, _ reason: String) -> OptionError {
            OptionError(option: "comparison.\(option)", value: value, reason: reason)
        }
        if pilot == nil, pilotAll || !differences.isEmpty || !power.isEmpty {
            let option = pilotAll ? "pilot_all" : differences.isEmpty ? "power" : "differences"
            return error(option, "set", "is of a pilot: name its seeds with --pilot")
        }
        if pilot != nil, hyperparameters != .own {
            return error("protocol", hyperparameters.rawValue, "is not for a pilot: leave it out")
        }
        for text in differences where !(Double(text).map { $0 > 0 && $0.isFinite } ?? false) {
            return error("differences", text, "must be more than zero")
        }
        for text in power where !(Double(text).map { $0 > 0 && $0 < 1 } ?? false) {
            return error("power", text, "must lie between 0 and 1")
        }
        if let target, !target.isFinite { return error("target", "\(target)", "must be a number") }
        return nil
    }
}

extension HyperparameterPolicy: OptionValue {}
extension VarianceModel: OptionValue {}

/// The configuration of a comparison put together from layers: its own section, what all runs share, and options that
/// every optimizer takes which has them.
package struct ResolvedComparison<Options: ConfigurableOptions>: Sendable {
    /// A value of an option of rules.
    package struct Shared: Sendable {
        /// The option's name without its section.
        package let name: String
        /// Its value.
        package let value: String
        /// Where it came from.
        package let origin: ConfigurationOrigin
    }

    /// The comparison's own section.
    package private(set) var comparison = ComparisonConfiguration()
    /// What all runs share.
    package private(set) var run: ResolvedConfiguration<Options>
    /// Options of rules, by name.
    package let shared: [Shared]
    /// The rule that a run's file names, whose own options in `shared` are for this rule alone; nil for all rules.
    package let rule: String?
    private let origins: [String: ConfigurationOrigin]

    /// Applies layers in their order.
    ///
    /// - Parameters:
    ///   - layers: values by the keys of `fisher train` and those of `[comparison]`.
    ///   - optimizers: what is compared if no layer says so.
    /// - Throws: `ConfigurationError` for a key that does not exist and a value that its option rejects, each with its origin.
    package init(_ layers: [ConfigurationLayer], usual optimizers: [String] = []) throws(ConfigurationError) {
        let ownKeys = Set(OptimizerConfiguration.options.map(\.name)).subtracting(["optimizer.rule"])
        let section = "optimizer."
        var own: [String: (pieces: [String], origin: ConfigurationOrigin)] = [:]
        var shared: [String: Shared] = [:]
        var rule: String?
        var rest: [ConfigurationLayer] = []
        for layer in layers {
            var others: [(key: String, pieces: [String])] = []
            for (key, pieces) in layer.values {
                if key.hasPrefix("comparison.") {
                    own[key] = (pieces, layer.origin)
                } else if key == "optimizer.rule" {
                    // Presets name the rule that `fisher train` starts from.
                    if case .preset = layer.origin { continue }
                    if case .standard = layer.origin { continue }
                    rule = pieces.joined()
                } else if key.hasPrefix(section), !ownKeys.contains(key) {
                    let name = String(key.dropFirst(section.count))
                    shared[name] = Shared(
                        name: name, value: pieces.joined(separator: ","), origin: layer.origin)
                } else {
                    others.append((key, pieces))
                }
            }
            rest.append(ConfigurationLayer(layer.origin, others))
        }
        for option in shared.values.sorted(by: { $0.name < $1.name })
        where !RuleRegistry.rules.contains(where: {
            $0.init().hasOption(named: option.name) || $0.retiredOptions.contains(option.name)
        }) {
            throw ConfigurationError(
                "\(section)\(option.name) (\(option.origin)): none of the optimizers has this option")
        }
        run = try ResolvedConfiguration(rest)
        self.shared = shared.values.sorted { $0.name < $1.name }
        self.rule = rule
        if (own["comparison.optimizers"]?.pieces ?? []).isEmpty, !optimizers.isEmpty {
            own["comparison.optimizers"] = (optimizers, .standard)
        }
        origins = own.mapValues(\.origin)
        do throws(OptionError) {
            try comparison.setOptions(own.sorted { $0.key < $1.key }.map { ($0.key, $0.value.pieces) })
        } catch {
            let origin = own[error.option]?.origin ?? .standard
            throw ConfigurationError("\(error.option) = \(error.value) (\(origin)) \(error.reason)")
        }
        if let rule, !comparison.optimizers.contains(where: { $0.prefix { $0 != ":" } == rule }) {
            throw ConfigurationError(
                "optimizer.rule = \(rule) is none of the optimizers that are compared: name it with --optimizer too, or leave "
                    + "it out with the options of its section")
        }
    }

    /// The same on other data or with another model.
    package func with(_ options: Options) throws(ConfigurationError) -> ResolvedComparison {
        guard options != run.value.task else { return self }
        var value = run.value
        value.task = options
        var changed = self
        changed.run = try ResolvedConfiguration(value)
        return changed
    }

    /// Whether a layer sets a key of `[comparison]`.
    package func isSet(_ key: String) -> Bool { origins[key] != nil }

    /// All values: the comparison's, then those that runs share.
    private var entries: [ResolvedConfiguration<Options>.Entry] {
        typealias Entry = ResolvedConfiguration<Options>.Entry
        let own = comparison.options.map {
            Entry(
                key: $0.name, pieces: $0.pieces, form: $0.declaration.form,
                origin: origins[$0.name] ?? .standard)
        }
        let section = ResolvedConfiguration<Options>.ruleSection
        let known = Set(OptimizerConfiguration.options.map(\.name)).subtracting(["optimizer.rule"])
        let common = run.entries.filter { !$0.key.hasPrefix(section) || known.contains($0.key) }
        let further =
            shared.map {
                Entry(key: section + $0.name, pieces: [$0.value], form: .bare, origin: $0.origin)
            }
            + (rule.map {
                [Entry(key: section + "rule", pieces: [$0], form: .quoted, origin: .commandLine)]
            } ?? [])
        return own + common + further
    }

    /// The values as a TOML file that gives this configuration again.
    package var toml: String { ResolvedConfiguration<Options>.lines(entries) { _ in "" } }

    /// The same with each value's origin behind it.
    package var explained: String { ResolvedConfiguration<Options>.explained(entries) }
}
