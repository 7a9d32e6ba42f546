import ArgumentParser
import FisherInference
import Foundation

/// What is fitted to a table.
struct InferModelArguments: ParsableArguments {
    enum Missing: String, CaseIterable, ExpressibleByArgument { case refuse, drop }

    @Option(help: "response ~ terms, such as \"y ~ x + group + x:group\".")
    var formula: String?
    @Option(
        help: "gaussian, binomial, poisson, categorical (multinomial logit) or ordinal (proportional odds).")
    var family: ModelFamily = .gaussian
    @Option(help: "identity, log, logit, probit or cloglog; the family's canonical one by default.")
    var link: Link?
    @Option(
        help:
            "estimate, or a number: the variance of a Gaussian (estimated by default), the factor of the variance of others (1)."
    )
    var dispersion: DispersionArgument?
    @Option(help: "Binomial: the column of the trials of which the response counts the successes.")
    var trials: String?
    @Option(help: "A column or an expression that is added to the predictor, such as \"log(exposure)\".")
    var offset: String?
    @Option(help: "The column of the rows' weights.")
    var rowWeights: String?
    @Option(
        help: "frequency: a row stands for so many units; precision: it is one unit of so small a variance.")
    var weightKind: WeightKind = .frequency
    @Option(help: "The column of the clusters that are independent of each other.")
    var cluster: String?
    @Option(
        parsing: .singleValue,
        help: "COLUMN=A,B,C: a category's levels in order, the reference first; repeatable.")
    var levels: [LevelsArgument] = []
    @Option(help: "Rows with a missing value: refuse, or drop and count.")
    var missing: Missing = .refuse

    func options() -> ModelSpecification.Options {
        var options = ModelSpecification.Options()
        options.formula = formula ?? ""
        options.family = family
        options.link = link
        options.dispersion = dispersion?.value
        (options.trials, options.offset, options.weights) = (trials, offset, rowWeights)
        options.weightKind = weightKind
        options.cluster = cluster
        for found in levels { options.levels[found.column] = found.levels }
        return options
    }
}

/// `estimate` or a number above zero.
struct DispersionArgument: DescribedArgument {
    let value: Dispersion

    init?(argument: String) {
        if argument == "estimate" {
            value = .learned
        } else if let number = Double(argument), number > 0, number.isFinite {
            value = .known(number)
        } else {
            return nil
        }
    }

    static func complaint(about text: String, of option: String, in command: String) -> String {
        "is neither estimate nor a number above zero"
    }
}

/// `COLUMN=A,B,C`.
struct LevelsArgument: DescribedArgument {
    let column: String
    let levels: [String]

    init?(argument: String) {
        guard let equals = argument.firstIndex(of: "="), equals != argument.startIndex else { return nil }
        column = String(argument[..<equals])
        levels = argument[argument.index(after: equals)...].split(
            separator: ",", omittingEmptySubsequences: false
        )
        .map(String.init)
        guard levels.count > 1, Set(levels).count == levels.count, !levels.contains("") else { return nil }
    }

    static func complaint(about text: String, of option: String, in command: String) -> String {
        "is not of the form COLUMN=LEVEL,LEVEL with two different levels or more, such as grade=low,high"
    }
}

/// What is asked of the fit.
struct InferenceArguments: ParsableArguments {
    enum Covariance: Equatable, ExpressibleByArgument {
        case auto
        case kind(CovarianceKind)

        init?(argument: String) {
            if argument == "auto" {
                self = .auto
            } else if let kind = CovarianceKind(rawValue: argument) {
                self = .kind(kind)
            } else {
                return nil
            }
        }
        var defaultValueDescription: String { "auto" }
        static var allValueStrings: [String] { ["auto"] + CovarianceKind.allCases.map(\.rawValue) }
    }

    @Option(
        help:
            "auto, standard (expected information), observed, sandwich (robust), or cluster (robust, by --cluster)."
    )
    var covariance: Covariance = .auto
    @Option(
        help:
            "Factor of robust covariances: none (HC0), full (HC1: n/(n-p); G/(G-1) (n-1)/(n-p) of G clusters) or groups (G/(G-1))."
    )
    var smallSample: SmallSampleFactor = .full
    @Option(help: "Level of the intervals.")
    var level = 0.95
    @Flag(help: "Add intervals of the profile likelihood.")
    var profile = false
    @Option(
        parsing: .singleValue,
        help: "Test the model without a term: Wald, score, likelihood ratio; repeatable.")
    var drop: [String] = []
    @Flag(help: "Test the model without each of its terms.")
    var dropEach = false
    @Option(
        parsing: .singleValue,
        help: "A linear function of parameters with its tests: \"a - b\", \"a - b = 1\"; repeatable.")
    var contrast: [String] = []
    @Option(
        parsing: .singleValue,
        help: "Any function of parameters, by the delta method: \"exp(a) / b\"; repeatable.")
    var function: [String] = []
    @Option(help: "Draws of the information-matrix test; 0: it is not made.")
    var replicates = 199
    @Option(help: "Seed of the draws.")
    var seed: UInt64 = 0

    func check() throws {
        guard level > 0, level < 1 else { throw ValidationError("--level must lie between 0 and 1.") }
        guard replicates == 0 || replicates >= 19 else {
            throw ValidationError("--replicates must be 0 or at least 19, the draws of a test at 5 %.")
        }
    }

    func request() -> InferenceRequest {
        var request = InferenceRequest()
        if case .kind(let kind) = covariance { request.covariance = kind }
        request.smallSampleFactor = smallSample
        request.level = level
        request.profiles = profile
        (request.contrasts, request.functions) = (contrast, function)
        (request.replicates, request.seed) = (replicates, seed)
        return request
    }
}

/// Parts of a table in several places.
struct InferPartArguments: ParsableArguments {
    @Option(help: "Sum this part at a point that --save-point wrote.")
    var point: String?
    @Option(help: "Where the sums of this part are written.")
    var saveStatistics: String?
    @Flag(help: "Merge the sums of parts.")
    var merge = false
    @Option(help: "Where the model and the estimate are written, as the point of the next round.")
    var savePoint: String?

    var isEmpty: Bool { point == nil && saveStatistics == nil && !merge && savePoint == nil }
}

/// A network instead of a table.
struct InferNetworkArguments: ParsableArguments {
    @Option(help: "The description of a network, JSON.")
    var model: String?
    @Option(help: "Its weights, safetensors.")
    var weights: String?
    @Option(help: "Its inputs, safetensors, one sample per index of the first axis.")
    var inputs: String?
    @Option(help: "Its targets.")
    var targets: String?
    @Flag(help: "First maximize the network's likelihood, from the weights on.")
    var fit = false

    var isGiven: Bool { [model, weights, inputs, targets].contains { $0 != nil } }
    var isComplete: Bool { [model, weights, inputs, targets].allSatisfy { $0 != nil } }
}

extension ModelFamily: ExpressibleByArgument {}
extension Link: ExpressibleByArgument {}
extension WeightKind: ExpressibleByArgument {}
extension SmallSampleFactor: ExpressibleByArgument {}
