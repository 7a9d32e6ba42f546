import Fisher
import Testing

/// Options and schedules: what is refused, and with which words.
@Suite struct HyperparameterTests {
    @Test(arguments: [
        ("adamw", "learning_rate", "-1"), ("adam", "beta1", "1"), ("fadam", "beta2", "1.5"),
        ("fadam", "rho", "0"), ("fadam", "clip", "0"), ("sgd", "momentum", "-0.1"),
        ("fadafactor", "eps", "nan"),
        ("rmsprop", "beta", "x"), ("sgd", "nesterov", "maybe"), ("fadam", "epsilon_rule", "sometimes"),
        ("adagrad", "lr", "cosine(peak=1)"),
    ])
    func badValuesAreRefused(_ rule: String, _ option: String, _ value: String) throws {
        var made = try RuleRegistry.rule(named: rule)
        let error = #expect(throws: HyperparameterError.self) { try made.set(option, to: value) }
        let text = error?.description.lowercased() ?? ""
        #expect(text.contains(rule))
        #expect(text.contains(value.lowercased()) || Double(value).map { text.contains("\($0)") } == true)
    }

    @Test func initializersRefuseToo() {
        let error = #expect(throws: HyperparameterError.self) { try FAdam { $0.beta1 = 1 } }
        #expect(error?.option == "beta1")
        #expect(error?.value == "1.0")
    }

    @Test func unknownNamesGetTheNearest() throws {
        var rule = try RuleRegistry.rule(named: "fadam")
        let option = #expect(throws: HyperparameterError.self) { try rule.set("weigth_decay", to: "1") }
        #expect(option?.description.contains("did you mean weight_decay?") == true)
        let name = #expect(throws: HyperparameterError.self) { try RuleRegistry.rule(named: "fadm") }
        #expect(name?.description.contains("did you mean fadam?") == true)
    }

    @Test func aliasesAndSpellings() throws {
        var rule = FAdam()
        try rule.set("rho", to: "0.7")
        try rule.set("weightDecay", to: "0.5")
        try rule.set("epsilon-rule", to: "fixed")
        #expect(rule.power == 0.7)
        #expect(rule.weightDecay == 0.5)
        #expect(rule.epsilonPolicy == .fixed)
    }

    @Test func schedules() {
        #expect(Schedule.constant(2)(7) == 2)
        #expect(Schedule.linearWarmUp(2, warmUp: 4)(1) == 0.5)
        #expect(Schedule.linearWarmUp(2, warmUp: 4)(9) == 2)
        let cosine = Schedule.cosine(2, steps: 110, warmUp: 10, floor: 1)
        #expect(cosine(5) == 1)
        #expect(cosine(10) == 2)
        #expect(abs(cosine(60) - 1.5) < 1e-12)
        #expect(abs(cosine(110) - 1) < 1e-12)
        #expect(abs(cosine(500) - 1) < 1e-12)
        #expect(Schedule.inverseSquareRoot(2, warmUp: 100)(400) == 1)
        #expect(Schedule.inverseSquareRoot(2, warmUp: 100)(50) == 1)
        let stable = Schedule.warmUpStableDecay(2, steps: 100, warmUp: 10, decay: 20)
        #expect(stable(5) == 1)
        #expect(stable(50) == 2)
        #expect(stable(90) == 1)
        #expect(stable(100) == 0)
    }

    @Test(arguments: [
        Schedule.constant(0.25), .linearWarmUp(0.5, warmUp: 3),
        .cosine(1e-3, steps: 9, warmUp: 2, floor: 1e-5),
        .inverseSquareRoot(2, warmUp: 7), .warmUpStableDecay(1, steps: 9, warmUp: 1, decay: 3, floor: 0.5),
    ])
    func schedulesAsText(_ schedule: Schedule) {
        #expect(Schedule("\(schedule)") == schedule)
    }
}
