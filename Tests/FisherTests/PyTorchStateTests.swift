import Fisher
import Testing

/// A run that PyTorch began goes on here, from PyTorch's own state under the names that an article gives.
@Suite struct PyTorchStateTests {
    static let names = [
        "exp_avg": "momentum", "exp_avg_sq": "fisher", "square_avg": "average", "momentum_buffer": "momentum",
        "step": "step", "acc_delta": "steps", "exp_inf": "greatest", "max_exp_avg_sq": "greatest",
    ]

    @Test(arguments: ["adam", "adamw", "rmsprop", "sgd", "adadelta", "adamax", "amsgrad"])
    func aRunGoesOn(_ name: String) throws {
        let cases = RuleCase.all(in: "pytorch-state")
        let file = try #require(cases.first { $0.testDescription == name }).file
        let tensors = try SafetensorsFile(path: file.path).allTensors()
        var rule = try RuleRegistry.rule(named: name)
        rule.learningRate = 1e-2
        if name == "adamw" { try rule.set("weight_decay", to: "0.1") }
        if name == "sgd" { try rule.set("momentum", to: "0.9") }

        let parameter = Parameter(wrappedValue: try #require(tensors["before"]))
        let path = ParameterPath("w")
        let optimizer = try Optimizer(
            parameters: [NamedParameter(path: path, parameter: parameter)],
            groups: [.init(.rest, rule, decaying: .all)])
        let three = Tensor([3.0], shape: [])
        var state = ["optimizer/updates": three, "parameter/w/step": three]
        for count in ["skipped", "skipped_in_a_row"] {
            state["optimizer/\(count)"] = Tensor([0.0], shape: [])
        }
        for (key, value) in tensors where key.hasPrefix("state/") {
            let own = try #require(Self.names[String(key.dropFirst(6))])
            state["parameter/w/\(own)"] = value
        }
        try optimizer.restore(state)
        for step in 4...6 { try optimizer.update(with: [path: try #require(tensors["gradients/\(step)"])]) }

        let found = try parameter.wrappedValue.scalars(as: Double.self)
        let expected = try #require(tensors["after"]).scalars(as: Double.self)
        #expect(zip(found, expected).allSatisfy { abs($0 - $1) < 1e-14 })
    }
}
