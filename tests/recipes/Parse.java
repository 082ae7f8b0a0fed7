// Parses one compilation unit from standard input, resolving nothing: for code whose libraries are not here.

import com.sun.source.util.JavacTask;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.List;
import javax.tools.Diagnostic;
import javax.tools.DiagnosticCollector;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;

class Parse {
    public static void main(String[] args) throws Exception {
        var text = new String(System.in.readAllBytes(), StandardCharsets.UTF_8);
        var unit = new SimpleJavaFileObject(URI.create("string:///Unit.java"), JavaFileObject.Kind.SOURCE) {
            @Override
            public CharSequence getCharContent(boolean ignoreEncodingErrors) {
                return text;
            }
        };
        var found = new DiagnosticCollector<JavaFileObject>();
        var task = (JavacTask) ToolProvider.getSystemJavaCompiler().getTask(null, null, found, null, null, List.of(unit));
        task.parse();
        var faults = found.getDiagnostics().stream().filter(one -> one.getKind() == Diagnostic.Kind.ERROR).toList();
        faults.forEach(System.err::println);
        System.exit(faults.isEmpty() ? 0 : 1);
    }
}
