import FisherInference
import FisherTables
import Testing

@Suite struct DesignTests {
    static let text = "y,a,b,s,g\n1,2,3,u,1\n2,1,4,v,2\n4,1,2,w,1\n3,5,1,u,2\n5,2,2,v,1\n2,2,1,w,2\n"

    static func names(_ formula: String, _ levels: [String: [String]] = [:]) throws -> [String] {
        var options = ModelSpecification.Options()
        (options.formula, options.levels) = (formula, levels)
        options.dispersion = .known(1)
        let table = try TableReader().table(of: Array(text.utf8), path: "t.csv")
        return try ModelSpecification(options, table: table).model(of: table, dropsMissing: false).model
            .parameterNames
    }

    @Test(arguments: [
        ("y ~ a", ["intercept", "a"]), ("y ~ s", ["intercept", "s[v]", "s[w]"]),
        ("y ~ s - 1", ["s[u]", "s[v]", "s[w]"]), ("y ~ 0 + a", ["a"]), ("y ~ 1", ["intercept"]),
        ("y ~ a:b + a", ["intercept", "a", "a:b"]), ("y ~ a*b", ["intercept", "a", "b", "a:b"]),
        ("y ~ C(g)", ["intercept", "g[2]"]), ("y ~ log(a) + I(b^2)", ["intercept", "log(a)", "I(b^2)"]),
        // Without the margin a, a category has a slope for each level.
        ("y ~ a:s", ["intercept", "a:s[u]", "a:s[v]", "a:s[w]"]),
        ("y ~ a*s - a:s", ["intercept", "a", "s[v]", "s[w]"]),
        ("y ~ .", ["intercept", "a", "b", "s[v]", "s[w]", "g"]),
    ])
    func formulasMakeColumns(_ formula: String, _ expected: [String]) throws {
        #expect(try Self.names(formula) == expected)
    }

    @Test func levelsHaveTheirOrder() throws {
        #expect(try Self.names("y ~ s", ["s": ["w", "u", "v"]]) == ["intercept", "s[u]", "s[v]"])
        #expect { try Self.names("y ~ s", ["s": ["w", "u"]]) } throws: {
            "\($0)".contains("t.csv, line 3: \"v\" is no level of \"s\"")
        }
    }

    @Test(arguments: [
        "a", "y ~ ", "y ~ a +", "y ~ q", "y ~ a - b", "y ~ log(s)", "y ~ foo(a)", "y ~ log(0 * a)",
        "y ~ a::b",
    ])
    func whatIsNoFormulaIsRefused(_ formula: String) {
        #expect(throws: ModelError.self) { try Self.names(formula) }
    }
}
