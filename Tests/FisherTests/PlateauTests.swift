import Fisher
import Foundation
import Testing

@testable import Fisher

/// Schedules that fall when the loss on held-out data has stopped falling.
@Suite struct PlateauTests {
    /// The rates after each loss, by the rules of PyTorch's ReduceLROnPlateau, whose counters these are.
    @Test(
        arguments: [
            // Patience 1: two evaluations in a row that are no better.
            (
                "plateau(peak=1, factor=0.5, patience=1)", [3, 2, 2, 2, 2, 2, 1, 1, 1] as [Double],
                [1, 1, 1, 0.5, 0.5, 0.25, 0.25, 0.25, 0.125]
            ),
            // After a reduction two evaluations do not count.
            (
                "plateau(peak=1, factor=0.5, patience=0, cooldown=2)", [1, 1, 1, 1, 1, 1],
                [1, 0.5, 0.5, 0.5, 0.25, 0.25]
            ),
            // Better by less than a tenth is not better.
            (
                "plateau(peak=1, factor=0.5, patience=0, threshold=0.1)", [1, 0.95, 0.89, 0.7],
                [1, 0.5, 0.5, 0.5]
            ),
            // Negative losses: 10 % of the magnitude.
            ("plateau(peak=1, factor=0.5, patience=0, threshold=0.1)", [-1, -1.05, -1.2], [1, 0.5, 0.5]),
            ("plateau(peak=1, factor=0.1, patience=0, minimum=0.05)", [1, 1, 1, 1], [1, 0.1, 0.05, 0.05]),
            ("plateau(peak=1, factor=0.1, patience=0)", [.nan, 1, .infinity], [0.1, 0.1, 0.01]),
            ("plateau(schedule=linear_warm_up(peak=2, warm_up=2), factor=0.5, patience=0)", [1, 1], [2, 1]),
        ] as [(String, [Double], [Double])])
    func rates(_ text: String, _ losses: [Double], _ expected: [Double]) throws {
        let schedule = try #require(Schedule(text))
        #expect(Schedule("\(schedule)") == schedule)
        let optimizer = try Optimizer(for: try OptimizerTests.Network(), SGD(learningRate: schedule))
        var found: [Double] = []
        for loss in losses {
            optimizer.observe(validationLoss: loss)
            found.append(optimizer.inForce(schedule)(5))
            #expect(optimizer.groups[0].rule.learningRate(5) == found.last)
        }
        #expect(zip(found, expected).allSatisfy { abs($0 - $1) < 1e-15 } && found.count == expected.count)
        #expect(optimizer.describe().contains("learning_rate=\(schedule)"))
    }

    private struct ReferenceCase: Decodable {
        let peak, factor, threshold, minimum: Double
        let patience, cooldown: Int
        /// Null is a loss that is no number.
        let losses: [Double?]
        let rates: [Double]
    }

    /// The rates of PyTorch's scheduler over drawn settings and losses.
    @Test func ratesArePyTorchs() throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        let data = try Data(contentsOf: folder.appending(path: "Fixtures/pytorch-plateau/plateau.json"))
        let cases = try JSONDecoder().decode([ReferenceCase].self, from: data)
        #expect(cases.count == 24)
        for reference in cases {
            let schedule = Schedule.plateau(
                .constant(reference.peak), factor: reference.factor, patience: reference.patience,
                threshold: reference.threshold, minimum: reference.minimum, cooldown: reference.cooldown)
            var plateau = Plateau(option: "learning_rate", schedule: schedule)
            for (loss, rate) in zip(reference.losses, reference.rates) {
                plateau.observe(loss ?? .nan)
                #expect(abs(plateau.inForce(1) - rate) <= 1e-12 * rate, "\(schedule)")
            }
        }
    }

    @Test(arguments: [
        "plateau()", "plateau(peak=1, schedule=1)", "plateau(peak=1, factor=1)", "plateau(peak=1, factor=0)",
        "plateau(peak=1, patience=-1)", "plateau(peak=1, patience=1.5)", "plateau(peak=1, cooldown=-1)",
        "plateau(peak=1, threshold=nan)", "plateau(peak=1, minimum=-1)", "plateau(peak=1, steps=3)",
        "plateau(schedule=plateau(peak=1))", "sequence(plateau(peak=1), 5, 1)",
        "plateau(peak=1, factor=0.5, factor=0.5)",
    ])
    func whatIsNoPlateauIsRefused(_ text: String) {
        #expect(Schedule(text) == nil)
    }

    @Test func mistakesInSwiftAreErrors() throws {
        let model = try OptimizerTests.Network()
        for schedule in [
            Schedule.plateau(0.1, factor: 2), .plateau(0.1, patience: -1), .plateau(.plateau(0.1)),
            .sequence([.init(.plateau(0.1))]), .plateau(-0.1), .plateau(0.1, minimum: .nan),
        ] {
            #expect(throws: HyperparameterError.self) {
                try Optimizer(
                    for: model,
                    groups: [
                        .init(
                            .rest,
                            {
                                var rule = SGD(); rule.learningRate = schedule; return rule
                            }())
                    ])
            }
            let optimizer = try Optimizer(for: model, SGD())
            #expect(throws: HyperparameterError.self) { try optimizer.setLearningRate(schedule) }
        }
        #expect(Schedule.plateau(.cosine(2, steps: 4)).scaled(by: 0.5) == .plateau(.cosine(1, steps: 4)))
        #expect(Schedule.plateau(2, minimum: 1).scaled(toPeak: 3) == .plateau(3, minimum: 1))
    }

    /// Steps with evaluations between them, cut in the middle: state and weights go on bit for bit; other options can be
    /// plateaus too.
    @Test func theStateGoesOnExactly() throws {
        func optimizer(_ model: OptimizerTests.Network) throws -> Optimizer {
            var rule = AdamW()
            rule.learningRate = .plateau(.cosine(0.05, steps: 12), factor: 0.5, patience: 0, cooldown: 1)
            rule.weightDecay = .plateau(0.1, factor: 0.5, patience: 1)
            return try Optimizer(for: model, groups: [.init(.matching("first"), rule), .init(.rest, SGD())])
        }
        func go(_ optimizer: Optimizer, _ model: OptimizerTests.Network, _ losses: [Double]) throws {
            for loss in losses {
                let batch = try OptimizerTests.batch()
                try optimizer.step(on: batch) {
                    try Objective(Categorical(logits: model($0.inputs)), observing: $0.targets)
                }
                optimizer.observe(validationLoss: loss)
            }
        }
        let losses = [1, 1, 1, 0.9, 0.9, 0.9, 0.9, 0.8] as [Double]
        let (whole, cut, resumed) = (
            try OptimizerTests.Network(), try OptimizerTests.Network(), try OptimizerTests.Network(seed: 5)
        )
        let first = try optimizer(whole)
        try go(first, whole, losses)
        let second = try optimizer(cut)
        try go(second, cut, Array(losses.prefix(3)))
        let third = try optimizer(resumed)
        try resumed.load(cut.weights)
        try third.restore(second.state)
        try go(third, resumed, Array(losses.dropFirst(3)))
        #expect(try OptimizerTests.weights(whole) == OptimizerTests.weights(resumed))
        #expect(first.describe() == third.describe())
        #expect(
            first.describe().contains("learning_rate now times")
                && first.describe().contains("weight_decay now times"))
        var bad = second.state
        bad["optimizer/plateau/0/learning_rate"] = Tensor([1, -1, 0, 1] as [Double])
        #expect(throws: OptimizerError.self) { try third.restore(bad) }
        // Another schedule takes the place of the plateau, and begins anew when it is put back.
        try third.setLearningRate(.plateau(0.05, factor: 0.5, patience: 0), of: .matching("first"))
        #expect(third.groups[0].rule.learningRate(1) == 0.05)
        try third.setLearningRate(0.05)
        try third.restore(third.state)
        #expect(third.groups[0].rule.learningRate == 0.05)
    }
}
