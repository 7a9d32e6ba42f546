import Fisher
import Testing

/// Which parameters of a model Muon takes, and what moves the others.
@Suite struct MuonRoutingTests {
    static func gpt(tied: Bool = false) throws -> GPT {
        GPT(
            .init(vocabulary: 11, context: 4, width: 8, layers: 2, heads: 2, tiesHead: tied),
            using: try RandomGenerator(seed: 1))
    }

    static func hidden(_ groups: [ParameterGroup]) -> [String] {
        guard case .listed(let paths, _) = groups[0].pattern else { return [] }
        return paths.map { "\($0)" }
    }

    @Test(arguments: [false, true])
    func ofAGPTOnlyTheBlocksMatrices(_ tied: Bool) throws {
        let model = try Self.gpt(tied: tied)
        let paths = Self.hidden(Muon().groups(for: model))
        #expect(paths.count == 8)
        #expect(paths.allSatisfy { $0.hasPrefix("blocks.") && $0.hasSuffix(".weight") })
    }

    @Test func theDescriptionNamesTheRouting() throws {
        let model = try Self.gpt()
        let optimizer = try Optimizer(
            for: model, groups: try Muon(learningRate: 0.02) { $0.fallback = .adamw }.groups(for: model))
        let heads = optimizer.describe().split(separator: "\n").filter { !$0.hasPrefix(" ") }
        #expect(heads.count == 2)
        #expect(heads[0].hasPrefix("hidden matrices: Muon,"))
        #expect(heads[1].hasPrefix("rest: AdamW,") && heads[1].contains("learning_rate=0.02"))
    }

    /// The second group's rate is its own where it is named, along the same course.
    @Test func theRestMayHaveARateOfItsOwn() throws {
        let muon = try Muon(learningRate: .cosine(0.02, steps: 10, warmUp: 2)) {
            $0.fallbackLearningRate = 1e-3
        }
        let groups = muon.groups(for: try Self.gpt())
        #expect(groups[0].rule.learningRate == .cosine(0.02, steps: 10, warmUp: 2))
        #expect(groups[1].rule.learningRate == .cosine(1e-3, steps: 10, warmUp: 2))
    }

    @Test func aSequentialKeepsItsLastMatrixOut() throws {
        let generator = try RandomGenerator(seed: 1)
        let model = Sequential(
            [Linear(4, 8, using: generator), Linear(8, 8, using: generator), Linear(8, 3, using: generator)])
        #expect(Self.hidden(Muon().groups(for: model)) == ["0.weight", "1.weight"])
    }

    @Test func aModelWithoutHiddenMatricesHasOneGroup() throws {
        let model = Embedding(5, 3, using: try RandomGenerator(seed: 1))
        let groups = Muon().groups(for: model)
        #expect(groups.count == 1 && groups[0].rule is FAdam)
    }

    @Test func ownPatternsAreTakenAndBadOnesNamed() throws {
        let model = try Self.gpt()
        let groups = try Muon.groups(for: model, hidden: Muon(), rest: AdamW(), besides: "head|blocks\\.1")
        #expect(Self.hidden(groups).count == 4)
        #expect(throws: OptimizerError.self) {
            try Muon.groups(for: model, hidden: Muon(), rest: AdamW(), besides: "(")
        }
    }
}
