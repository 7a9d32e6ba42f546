import ArgumentParser
import FisherTraining

extension OptimizerSpecification: ExpressibleByArgument {
    package var defaultValueDescription: String { text }
}

/// `--set key=value` as the argument parser reads it.
struct SettingArgument: ExpressibleByArgument {
    let name: String
    let value: String

    init?(argument: String) {
        guard let pair = keyAndValue(argument) else { return nil }
        (name, value) = pair
    }
}

/// `NAME=v1,v2` or `NAME.option=v1,v2`.
package struct GridArgument: ExpressibleByArgument {
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
}
