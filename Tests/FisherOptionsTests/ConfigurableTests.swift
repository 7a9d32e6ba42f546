import FisherOptions
import Testing

/// Options that are declared on properties: what derives from the declarations.
@Suite struct ConfigurableTests {
    enum Color: String, CaseIterable, OptionValue { case red, deepBlue = "deep_blue" }

    struct Shared: ConfigurableOptions {
        @Configurable("beta1", .decay, "decay of the momentum") var beta1 = 0.9
        @Configurable("clip", .positive, "largest step") var clip: Double? = 1
    }

    struct Example: ConfigurableOptions {
        @Configurable("learning_rate", .nonNegative, aliases: ["lr"], "step size") var learningRate = 1e-3
        var shared = Shared()
        @Configurable("interval", .atLeast(1), "updates between") var interval = 10
        @Configurable("color", "one of the colors") var color = Color.red
        @Configurable("paths", "files") var paths: [String] = []
        @Configurable("verbose", "say more") var verbose = false

        var inconsistency: OptionError? {
            verbose && interval > 100
                ? OptionError(option: "verbose", value: "true", reason: "needs an interval of at most 100")
                : nil
        }
    }

    @Test func theTableDerivesFromTheDeclarations() {
        #expect(
            Example.options.map(\.name) == [
                "learning_rate", "beta1", "clip", "interval", "color", "paths", "verbose",
            ])
        #expect(Example.options.map(\.text) == ["0.001", "0.9", "1.0", "10", "red", "", "false"])
        #expect(Example.options[0].declaration.aliases == ["lr"])
    }

    @Test func optionsAreSetByNameAliasAndSpelling() throws {
        var example = Example()
        try example.setOption("lr", to: "0.5")
        try example.setOption("Beta-1", to: "0")
        try example.setOption("clip", to: "none")
        try example.setOption("interval", to: "7.0")
        try example.setOption("color", to: "deep_blue")
        try example.setOptions([("paths", ["a", "b"]), ("verbose", ["true"])])
        #expect(example.learningRate == 0.5 && example.shared.beta1 == 0 && example.shared.clip == nil)
        #expect(example.interval == 7 && example.color == .deepBlue && example.paths == ["a", "b"])
        #expect(example.verbose)
        // Others are made with their defaults still.
        #expect(Example().learningRate == 1e-3 && Example() != example)
    }

    @Test(arguments: [
        ("lr", "-1", "learning_rate = -1 must be zero or more"),
        ("beta1", "1", "beta1 = 1 must lie in [0, 1)"),
        ("interval", "0", "interval = 0 must be at least 1"),
        ("interval", "x", "interval = x is not a whole number"),
        ("color", "green", "color = green is not one of red, deep_blue"),
        ("clip", "x", "clip = x is not a number, nor none"),
        ("verbose", "2", "verbose = 2 is neither true nor false"),
    ])
    func badValuesAreNamed(_ name: String, _ text: String, _ sentence: String) {
        var example = Example()
        let error = #expect(throws: OptionError.self) { try example.setOption(name, to: text) }
        #expect(error?.description == sentence)
        #expect(example == Example())
    }

    @Test func unknownNamesGetTheNearest() {
        var example = Example()
        let error = #expect(throws: OptionError.self) { try example.setOption("intervall", to: "1") }
        #expect(error?.description.contains("did you mean interval?") == true)
    }

    @Test func whatIsSetTogetherIsCheckedTogether() throws {
        var example = Example()
        example.interval = 200
        #expect(throws: OptionError.self) { try example.setOption("verbose", to: "true") }
        try example.setOptions([("verbose", ["true"]), ("interval", ["100"])])
        example.shared.beta1 = 1
        #expect(throws: OptionError.self) { try example.validate() }
    }
}
