// Run by the installing step (maven.py) before Maven reads the repository's poms: what Maven would load as
// code while it reads them is looked for in the parents that come from outside of the checkout.
import java.io.File;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URI;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.util.Set;
import javax.xml.parsers.DocumentBuilderFactory;
import org.w3c.dom.Element;
import org.w3c.dom.Node;

public class MavenCheck {
  private static final Set<String> DATA = Set.of("configuration", "properties", "reporting");

  public static void main(String[] words) throws Exception {
    try {
      if (words[0].equals("settings")) {
        settings(Path.of(words[1]));
      } else if (words[0].equals("trust")) {
        trust(words[1], words[2]);
      } else {
        parent(words[1], words[2]);
      }
    } catch (Refused refused) {
      System.out.println("error: " + refused.getMessage());
      System.exit(1);
    }
  }

  /** One repository for all that is asked for, whatever the poms say; without a mirror Maven's own. */
  private static void settings(Path file) throws Exception {
    String mirror = System.getenv().getOrDefault("MAVEN_MIRROR", "");
    String of = mirror.isEmpty() ? "*,!central" : "*";
    String server = "";
    if (!mirror.isEmpty()) {
      URI uri = null;
      try {
        uri = new URI(mirror);
      } catch (java.net.URISyntaxException wrong) {
        // Its message would show a password.
      }
      if (uri == null || uri.getHost() == null || !Set.of("http", "https").contains(uri.getScheme())
          || uri.getRawQuery() != null || uri.getRawFragment() != null) {
        throw new Refused("MAVEN_MIRROR is no address of a repository: https://HOST/PATH");
      }
      if (uri.getRawUserInfo() != null) {
        String[] login = uri.getRawUserInfo().split(":", 2);
        server = "<servers><server><id>central</id><username>" + text(decoded(login[0]))
            + "</username><password>" + text(decoded(login.length > 1 ? login[1] : ""))
            + "</password></server></servers>";
        mirror = mirror.replaceFirst("//[^/@]*@", "//");
      }
    } else {
      mirror = "file:///src/no-other-repository";
    }
    // The id is the one that commands ask with later, so that what Maven notes down of it is found.
    Files.writeString(file, "<settings>" + server + "<mirrors><mirror><id>"
        + (of.equals("*") ? "central" : "none") + "</id><mirrorOf>" + of + "</mirrorOf><url>" + text(mirror)
        + "</url></mirror></mirrors></settings>");
  }

  private static String decoded(String part) {
    return URLDecoder.decode(part.replace("+", "%2B"), StandardCharsets.UTF_8);
  }

  private static String text(String plain) {
    return plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
  }

  /** Java knows authorities from a store of its own only. */
  private static void trust(String pem, String store) throws Exception {
    KeyStore keys = KeyStore.getInstance("PKCS12");
    keys.load(null, null);
    try (InputStream in = new FileInputStream(pem)) {
      int number = 0;
      for (Certificate one : CertificateFactory.getInstance("X.509").generateCertificates(in)) {
        keys.setCertificateEntry("authority" + number++, one);
      }
    }
    try (OutputStream out = new FileOutputStream(store)) {
      keys.store(out, "changeit".toCharArray());
    }
  }

  /** Refuse a parent that makes Maven load code; else print its own parent, if it has one. */
  private static void parent(String file, String name) throws Exception {
    DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
    factory.setFeature("http://apache.org/xml/features/disallow-doctype-decl", true);
    Element project;
    try {
      project = factory.newDocumentBuilder().parse(new File(file)).getDocumentElement();
    } catch (org.xml.sax.SAXException wrong) {
      throw new Refused("the parent " + name + " can't be read");
    }
    look(project, name, true);
    Element above = child(project, "parent");
    if (above != null) {
      String[] parts = {value(above, "groupId"), value(above, "artifactId"), value(above, "version")};
      for (String part : parts) {
        if (!part.matches("[A-Za-z0-9_.-]+")) {
          throw new Refused("the parent of " + name + " has no plain name and version");
        }
      }
      System.out.println(String.join(":", parts));
    }
  }

  private static void look(Element element, String name, boolean active) throws Refused {
    for (Node node = element.getFirstChild(); node != null; node = node.getNextSibling()) {
      if (!(node instanceof Element) || DATA.contains(node.getNodeName())) {
        continue;
      }
      Element one = (Element) node;
      String kind = one.getNodeName();
      // Nobody asks for a profile that does not switch itself on.
      boolean here = active && !(kind.equals("profile") && !switchesItselfOn(one));
      String said = one.getTextContent().trim();
      if (kind.equals("extensions") && here && !said.isEmpty() && !said.equals("false")) {
        throw new Refused("the parent " + name + " has build extensions, which are code that Maven loads");
      }
      if (kind.equals("plugin") && child(one, "dependencies") != null
          && value(one, "artifactId").matches("maven-dependency-plugin|.*\\$.*")) {
        throw new Refused("the parent " + name + " adds code to the plug-in that fetches");
      }
      if ((kind.equals("repository") || kind.equals("pluginRepository"))
          && value(one, "id").matches("central|.*\\$.*") && System.getenv("MAVEN_MIRROR") == null) {
        throw new Refused("the parent " + name + " puts another repository in place of Maven's own");
      }
      look(one, name, here);
    }
  }

  private static boolean switchesItselfOn(Element profile) {
    Element activation = child(profile, "activation");
    if (activation == null) {
      return false;
    }
    for (Node node = activation.getFirstChild(); node != null; node = node.getNextSibling()) {
      if (node instanceof Element
          && !(node.getNodeName().equals("activeByDefault") && node.getTextContent().trim().equals("false"))) {
        return true;
      }
    }
    return false;
  }

  private static Element child(Element element, String name) {
    for (Node node = element.getFirstChild(); node != null; node = node.getNextSibling()) {
      if (node instanceof Element && node.getNodeName().equals(name)) {
        return (Element) node;
      }
    }
    return null;
  }

  private static String value(Element element, String name) {
    Element found = child(element, name);
    return found == null ? "" : found.getTextContent().trim();
  }

  private static class Refused extends Exception {
    Refused(String message) {
      super(message);
    }
  }
}
