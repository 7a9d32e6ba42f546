import Testing

@testable import Fisher
@testable import FisherInformation

/// Every rule, at default and other options and in every regime of gradients, against an independent
/// float64 evaluation.
@Suite struct GoldenTests {
    /// The trajectories that scripts under Reference/ computed in float64.
    static let float64Cases = ["golden", "options", "relatives"].flatMap { RuleCase.all(in: $0) }

    @Test func allCasesAreHere() {
        #expect(RuleCase.all(in: "golden").count == 126)
        #expect(RuleCase.all(in: "options").count == 35)
        #expect(RuleCase.all(in: "pytorch").count == 46)
        #expect(RuleCase.all(in: "relatives").count == 78)
    }

    @Test(arguments: float64Cases)
    func float64(_ golden: RuleCase) throws {
        #expect(try golden.error(in: .float64) <= 1e-12)
    }

    @Test(arguments: float64Cases)
    func float32(_ golden: RuleCase) throws {
        #expect(try golden.error(in: .float32, by: .formula) <= 2e-6)
    }

    /// The fused path, by every instruction set that this processor has.
    @Test(arguments: float64Cases.filter(\.isFused), InstructionSet.supported)
    func fused(_ golden: RuleCase, _ instructions: InstructionSet) throws {
        #expect(try golden.error(in: .float32, with: instructions) <= 2e-6)
    }

    /// PyTorch's own optimizers; its float32 answers carry its own rounding.
    @Test(arguments: RuleCase.all(in: "pytorch"))
    func pytorch(_ golden: RuleCase) throws {
        if golden.testDescription.contains("float64") {
            #expect(try golden.error(in: .float64) <= 1e-12)
        } else {
            #expect(try golden.error(in: .float32) <= 1e-6)
            #expect(try golden.error(in: .float32, by: .formula) <= 1e-6)
        }
    }
}
