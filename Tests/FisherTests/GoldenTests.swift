import Testing

@testable import Fisher
@testable import FisherInformation

/// Every rule, at default and other options and in every regime of gradients, against an independent
/// float64 evaluation.
@Suite struct GoldenTests {
    @Test func allCasesAreHere() {
        #expect(RuleCase.all(in: "golden").count == 126)
        #expect(RuleCase.all(in: "options").count == 35)
        #expect(RuleCase.all(in: "pytorch").count == 26)
    }

    @Test(arguments: RuleCase.all(in: "golden") + RuleCase.all(in: "options"))
    func float64(_ golden: RuleCase) throws {
        #expect(try golden.error(in: .float64) <= 1e-12)
    }

    @Test(arguments: RuleCase.all(in: "golden") + RuleCase.all(in: "options"))
    func float32(_ golden: RuleCase) throws {
        #expect(try golden.error(in: .float32, by: .formula) <= 2e-6)
    }

    /// The fused path, by every instruction set that this processor has.
    @Test(arguments: RuleCase.all(in: "golden") + RuleCase.all(in: "options"), InstructionSet.supported)
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
