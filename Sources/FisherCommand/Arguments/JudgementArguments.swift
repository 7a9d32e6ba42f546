import ArgumentParser
import FisherTraining

/// How a command spells the flag of the loss to be reached.
protocol JudgementUse {
    static var targetNames: NameSpecification { get }
}

/// Of a command on studies of any task.
enum StudyJudgement: JudgementUse {
    static var targetNames: NameSpecification { [.customLong("target-loss"), .customLong("target")] }
}

/// Of a command on a task, one of whose options may be called `target`.
enum TaskJudgement<Task: ConfigurableTask>: JudgementUse {
    static var targetNames: NameSpecification {
        let isTaken = Task.Options.options.contains { $0.name.hasSuffix(".target") }
        return isTaken ? [.customLong("target-loss")] : StudyJudgement.targetNames
    }
}

/// What a comparison is to decide, and by which test.
struct JudgementArguments<Use: JudgementUse>: ParsableArguments {
    @Option(
        name: Use.targetNames,
        help:
            "A validation loss in nats: the steps and the time to it, run by run; runs that never reach it are censored."
    )
    var target: Double?
    @Option(help: "The largest difference of final losses, in nats, that is called none: tests equivalence.")
    var margin: Double?
    @Option(
        help: """
            own: each difference's own variance, Student's t at Sidak's level; pooled: one variance for all optimizers, \
            Dunnett's test, if they are known to scatter alike.
            """)
    var variances: VarianceModel?
    @Flag(help: "Print the summary as JSON.")
    var json = false

    func validate() throws {
        if let margin, !(margin > 0 && margin < .infinity) {
            throw ValidationError("--margin must be more than zero, not \(margin).")
        }
        if let target, !target.isFinite {
            throw ValidationError("--target-loss must be a number, not \(target).")
        }
    }

    /// What was given, by the keys of a comparison's configuration.
    var values: [(key: String, pieces: [String])] {
        [
            ("target", target.map { "\($0)" }), ("margin", margin.map { "\($0)" }),
            ("variances", variances?.rawValue),
        ].compactMap { key, text in text.map { ("comparison." + key, [$0]) } }
    }

    /// The plan of an earlier start with what is given now.
    func plan(_ earlier: ComparisonPlan? = nil) -> ComparisonPlan {
        var plan = earlier ?? ComparisonPlan()
        plan.target = target ?? plan.target
        plan.margin = margin ?? plan.margin
        plan.variances = variances ?? plan.variances
        return plan
    }
}

extension VarianceModel: ExpressibleByArgument {}

/// Numbers between commas.
struct NumberList: DescribedArgument {
    let values: [Double]
    /// The numbers as they were given.
    let texts: [String]

    init?(argument: String) {
        texts = argument.split(separator: ",").map(String.init)
        let values = argument.split(separator: ",").map { Double($0) }
        guard !values.isEmpty, values.allSatisfy({ $0?.isFinite == true }) else { return nil }
        self.values = values.compactMap(\.self)
    }

    static func complaint(about text: String, of option: String, in command: String) -> String {
        "is not numbers with commas between them, such as 0.01,0.02"
    }
}
