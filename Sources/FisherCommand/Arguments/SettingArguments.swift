import ArgumentParser
import FisherTraining

extension OptimizerSpecification: ExpressibleByArgument {
    package var defaultValueDescription: String { text }
}

extension OptimizerSpecification: DescribedArgument {
    static func complaint(about text: String, of option: String, in command: String) -> String {
        "is not of the form NAME:OPTION=VALUE,OPTION=VALUE, such as fadam or fadam:rho=0.6,beta2=0.99"
    }
}

/// `--set key=value` as the argument parser reads it.
struct SettingArgument: DescribedArgument {
    let name: String
    let value: String

    init?(argument: String) {
        guard let pair = keyAndValue(argument) else { return nil }
        (name, value) = pair
    }

    static func complaint(about text: String, of option: String, in command: String) -> String {
        let example =
            switch command {
            case _ where option == "--filter": "optimizer.rule=fadam"
            case _ where command.hasSuffix(" step") && !command.contains("bench"): "beta2=0.99"
            case _ where command.contains(" compare ") || command.contains(" ablate "): "beta2=0.99"
            case _ where command.contains("bench"): "data.batch=32"
            default: "optimizer.beta2=0.99"
            }
        if text.hasPrefix("=") { return "names no key: write KEY=VALUE, such as \(example)" }
        if text.hasSuffix("=") { return "gives no value: write KEY=VALUE, such as \(example)" }
        return "is not of the form KEY=VALUE, such as \(example)"
    }
}

/// `NAME=v1,v2` or `NAME.option=v1,v2`.
package struct GridArgument: DescribedArgument {
    let name: String
    let option: String?
    let values: [String]

    /// The text that gives it again.
    var text: String { name + (option.map { "." + $0 } ?? "") + "=" + values.joined(separator: ",") }

    package init?(argument: String) {
        guard let (key, list) = keyAndValue(argument) else { return nil }
        let parts = key.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard parts.allSatisfy({ !$0.isEmpty }) else { return nil }
        name = parts[0].lowercased()
        option = parts.count > 1 ? parts[1] : nil
        values = list.split(separator: ",").map(String.init)
        if values.isEmpty { return nil }
    }

    static func complaint(about text: String, of option: String, in command: String) -> String {
        switch option {
        case "--tune":
            "is not of the form NAME.OPTION=VALUE,VALUE, such as fadam.beta2=0.99,0.999 or all.beta2=0.99,0.999"
        case "--option": "is not of the form OPTION=VALUE,VALUE, such as rho=0.5,0.6,0.7"
        default:
            "is not of the form NAME=VALUE,VALUE, such as adamw=1e-3,2e-3 or, for every optimizer, all=1e-3,2e-3"
        }
    }
}
