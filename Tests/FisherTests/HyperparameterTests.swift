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

    @Test func schedulesOneAfterAnother() {
        let schedule = Schedule.sequence([
            .init(.constant(2), updates: 10), .init(.cosine(4, steps: 100), updates: 50), .init(1),
        ])
        #expect(schedule(1) == 2 && schedule(10) == 2)
        // Each counts its own updates.
        #expect(schedule(60) == Schedule.cosine(4, steps: 100)(50))
        #expect(schedule(61) == 1 && schedule(1000) == 1)
        #expect(Schedule.sequence([])(1) == 0)

        let warm = Schedule.warmUp(4, then: .constant(2))
        #expect((1...6).map { warm($0) } == [0.5, 1, 1.5, 2, 2, 2])
        #expect(Schedule.warmUp(0, then: 2) == 2)
        #expect(warm.scaled(by: 3)(2) == 3)
        #expect(warm.scaled(toPeak: 1)(6) == 1)
        #expect(Schedule.cosine(2, steps: 9, floor: 1).scaled(by: 0.5) == .cosine(1, steps: 9, floor: 0.5))
        #expect(throws: HyperparameterError.self) { try Adam { $0.beta1 = .warmUp(3, then: 1) } }
    }

    @Test(arguments: [
        "sequence()", "sequence(1, 2)", "sequence(1, x, 2)", "sequence(1, 2, 3", "sequence(1, -2, 3)",
    ])
    func badSequencesAreRefused(_ text: String) { #expect(Schedule(text) == nil) }

    /// Each level is a call, whose stack ended, and a pass over the rest, whose time grew with the square.
    @Test func sequencesNestSixteenDeep() {
        func nested(_ depth: Int) -> String {
            String(repeating: "sequence(", count: depth) + "1" + String(repeating: ")", count: depth)
        }
        #expect(Schedule(nested(16)) != nil)
        #expect(Schedule(nested(17)) == nil)
        #expect(Schedule(nested(100_000)) == nil)
    }

    @Test func aNameWinsOverAnAlias() throws {
        var rule = KroneckerFAdam()
        try rule.set("decay", to: "0.5")
        #expect(rule.decay == 0.5 && rule.decayMetric == .natural)
        var plain = FAdam()
        try plain.set([("decay", "euclidean"), ("momentum", "raw")])
        #expect(plain.decayMetric == .euclidean && plain.momentumOrder == .raw)
    }

    @Test func retiredOptionsChangeNothing() throws {
        var rule = EKFAC()
        try rule.set("uses_trace_ratio", to: "false")
        try rule.set("pi", to: "false")
        #expect(rule == EKFAC() && !rule.settings.contains { $0.name == "uses_trace_ratio" })
    }

    @Test func valuesThatDoNotGoTogetherAreRefused() throws {
        var rule = NaturalGradient()
        try rule.set([("accumulated", "true"), ("draws", "3")])
        let error = #expect(throws: HyperparameterError.self) { try rule.set("solver", to: "cg") }
        #expect(error?.description == "natural_gradient: accumulated = true needs the solver direct or dense")
        #expect(rule.solver == .direct)
    }

    @Test func twoDecaysAreTwoRules() {
        #expect(Adam().weightDecay == 0 && AdamW().weightDecay == 0.01)
        #expect(AdaFisher.summary.name == "adafisher" && AdaFisherW.summary.name == "adafisherw")
    }

    @Test(arguments: [
        Schedule.constant(0.25),
        .sequence([
            .init(.linearWarmUp(0.5, warmUp: 3), updates: 3), .init(2, updates: 7),
            .init(.cosine(1, steps: 4)),
        ]),
        .warmUp(5, then: .sequence([.init(1, updates: 2), .init(0.5)])), .linearWarmUp(0.5, warmUp: 3),
        .cosine(1e-3, steps: 9, warmUp: 2, floor: 1e-5),
        .inverseSquareRoot(2, warmUp: 7), .warmUpStableDecay(1, steps: 9, warmUp: 1, decay: 3, floor: 0.5),
    ])
    func schedulesAsText(_ schedule: Schedule) {
        #expect(Schedule("\(schedule)") == schedule)
    }
}
