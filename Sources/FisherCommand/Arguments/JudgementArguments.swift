import ArgumentParser
import FisherTraining

/// What a comparison is to decide, and by which test.
struct JudgementArguments: ParsableArguments {
    @Option(
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
            throw ValidationError("--target must be a number, not \(target).")
        }
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

    init?(argument: String) {
        let values = argument.split(separator: ",").map { Double($0) }
        guard !values.isEmpty, values.allSatisfy({ $0?.isFinite == true }) else { return nil }
        self.values = values.compactMap(\.self)
    }

    static func complaint(about text: String, of option: String, in command: String) -> String {
        "is not numbers with commas between them, such as 0.01,0.02"
    }
}
